import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder that nobody else on the machine may read, with those above it; one that is there stays as it is. Made step by
 * step: in /proc, where nothing can be made, Node's own `recursive` tries for ever.
 *
 * @throws Error naming the folder that cannot be made.
 */
export function makeOwnFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeOwnFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as { code?: string };
    // Another process that begins was first.
    if (code === 'EEXIST' && existsSync(folder)) return;
    // ENOENT though the parent is there, or a link that leads nowhere.
    if (code === 'ENOENT' || code === 'EEXIST')
      throw new Error(`the folder ${folder} cannot be made`, { cause: error });
    throw error;
  }
}

import { constants, existsSync } from 'node:fs';
import { copyFile, mkdir, opendir, rename, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Config } from './platform/config/schema.ts';
import { INCOMING_FOLDER, MEDIA_FOLDER } from './modules/content-repository/index.ts';
import { signingKeyFile } from './server-identity.ts';
import { databaseLocation } from './services.ts';
import { copySqlite } from './storage/sqlite/copy-sqlite.ts';

/** What a backup has, and what it has not. */
export interface Backup {
  /** Files of media that were copied. */
  readonly media: number;
  /** What the operator has to look after by other means. */
  readonly missing: readonly string[];
}

/**
 * Copies what a server keeps into a new folder, which can be its data folder from then on. The server may run: the database is
 * copied as it is at one moment, and after it the media, of which none is lost that the database knows. The folder has its name
 * only when all of it is there; where something cannot be copied, nothing stays.
 *
 * @throws Error for the operator: there is something at that place already, or no database or key where there should be one.
 */
export async function backUp(config: Config, folder: string): Promise<Backup> {
  const location = databaseLocation(config);
  if (existsSync(folder))
    throw new Error(`There is something at ${resolve(folder)} already: name a new folder`);
  if (location.engine === 'sqlite' && !existsSync(location.path)) {
    throw new Error(
      `There is no database at ${resolve(location.path)}: run this in the folder of the server`,
    );
  }
  if (!existsSync(signingKeyFile(config))) {
    throw new Error(
      `There is no signing key at ${resolve(signingKeyFile(config))}: without it a backup is of little use`,
    );
  }
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  try {
    const backup = await copyInto(unfinished, config);
    await rename(unfinished, folder);
    return backup;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

async function copyInto(folder: string, config: Config): Promise<Backup> {
  const location = databaseLocation(config);
  const missing: string[] = [];
  if (location.engine === 'sqlite') await copySqlite(location.path, join(folder, basename(location.path)));
  else missing.push('the database: PostgreSQL has pg_dump for that');
  const key = signingKeyFile(config);
  await copyFile(key, join(folder, basename(key)));
  let media = 0;
  if (config.media.store === 'files') {
    media = await copyFolder(join(config.data_dir, MEDIA_FOLDER), join(folder, MEDIA_FOLDER));
  } else missing.push('media: they are in object storage');
  return { media, missing };
}

/**
 * Copies files and folders, but for what is only coming in, and what is removed meanwhile.
 *
 * @returns how many files.
 */
async function copyFolder(from: string, to: string): Promise<number> {
  if (!existsSync(from)) return 0;
  await mkdir(to);
  let files = 0;
  for await (const entry of await opendir(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.name === INCOMING_FOLDER) continue;
    if (entry.isDirectory()) files += await copyFolder(source, target);
    else if (await copied(source, target)) files += 1;
  }
  return files;
}

async function copied(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

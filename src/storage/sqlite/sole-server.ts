import { DatabaseSync } from 'node:sqlite';

/**
 * Keeps a database file for this server alone, until it is released or the process ends, however it does. The embedded engine
 * keeps in memory what one process wrote; the command line, which changes little and says so, may come beside it.
 *
 * @param path of the database.
 * @returns what releases it.
 * @throws Error for the operator where another server has it.
 */
export function reserveForServer(path: string): () => void {
  // A lock of SQLite's on an empty file of its own: the system ends it with the process.
  const lock = new DatabaseSync(`${path}-server`);
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!/locked/.test(String(error))) throw error;
    throw new Error(
      `Another server uses ${path}: one process serves an embedded database. Stop that one, set another data_dir, or ` +
        'use PostgreSQL for several processes.',
      { cause: error },
    );
  }
  return () => {
    if (lock.isOpen) lock.close();
  };
}

import { backup, DatabaseSync } from 'node:sqlite';

/** All pages at once: copied in parts, it would begin anew whenever somebody writes. */
const ALL_PAGES = 2 ** 31 - 1;

/** Copies a database, of which others may read and write meanwhile, to a new file, as it is at one moment. */
export async function copySqlite(path: string, to: string): Promise<void> {
  const connection = new DatabaseSync(path);
  try {
    await backup(connection, to, { rate: ALL_PAGES });
  } finally {
    connection.close();
  }
}

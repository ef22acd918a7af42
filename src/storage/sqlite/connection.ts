import type { DatabaseSync } from 'node:sqlite';

/**
 * Pages in the write-ahead log from which SQLite writes it back by itself: far more than those from which Myelin has
 * it done beside its work, in case that that cannot be.
 */
const LAST_RESORT_PAGES = 16_000;

/** Settings of every connection: write-ahead log, each commit synced to the disk before it is answered. */
export function configureConnection(connection: DatabaseSync): void {
  connection.exec('PRAGMA journal_mode = WAL');
  connection.exec('PRAGMA synchronous = FULL');
  connection.exec('PRAGMA busy_timeout = 10000');
  connection.exec('PRAGMA foreign_keys = OFF');
  connection.exec('PRAGMA cache_size = -2048');
  connection.exec(`PRAGMA wal_autocheckpoint = ${LAST_RESORT_PAGES}`);
  connection.exec('PRAGMA journal_size_limit = 33554432');
}

/** Gives back the memory of the pages that are kept, of which nothing is lost: they are read again when they are needed. */
export function releasePages(connection: DatabaseSync): void {
  connection.exec('PRAGMA shrink_memory');
}

import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { configureConnection } from './connection.ts';

/**
 * A thread that writes the log of a database back into it, each time it is asked to, so that the disk is waited for
 * elsewhere.
 */

const { path } = workerData as { path: string };
const connection = new DatabaseSync(path);
configureConnection(connection);
// It reads nothing but the log.
connection.exec('PRAGMA cache_size = 16');

parentPort?.on('message', (message: 'write back' | 'end') => {
  if (message === 'end') {
    connection.close();
    parentPort?.close();
    return;
  }
  connection.exec('PRAGMA wal_checkpoint(PASSIVE)');
  parentPort?.postMessage('written back');
});

import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { collector, releaseMemoryWhenIdle } from '../../platform/idle-memory.ts';
import { systemTimers } from '../../platform/timers.ts';
import { BatchCommit } from './batch-commit.ts';
import type { Batch, OutsideWrite } from './batch.ts';
import { configureConnection, releasePages } from './connection.ts';
import { makeRoomInLog } from './log-room.ts';

/** The thread that owns the one writing connection: it commits batches, one durable transaction each. */

const { path } = workerData as { path: string };
const connection = new DatabaseSync(path);
configureConnection(connection);
// What a statement changes is kept until it has ended, in case it fails: in memory, for a file is slower than the change.
connection.exec('PRAGMA temp_store = MEMORY');
// What is deleted or overwritten, such as a redacted message, is gone from the file, too.
connection.exec('PRAGMA secure_delete = ON');
const writer = new BatchCommit(connection);
const dataVersion = connection.prepare('PRAGMA data_version');
const readPosition = connection.prepare('SELECT position FROM stream WHERE id = 1');
/** How often it is looked whether another process wrote, in milliseconds. */
const LOOK_MS = 500;
/** When the log is made larger, which holds up a write for some hundredths of a second: not while the start waits for writes. */
const ROOM_AFTER_MS = 1_000;
let seenVersion = versionNow();
const looking = setInterval(lookOutside, LOOK_MS);
const makingRoom = setTimeout(makeRoom, ROOM_AFTER_MS);
const collect = collector();
const releasing = releaseMemoryWhenIdle(systemTimers, () => {
  releasePages(connection);
  collect();
});

parentPort?.on('message', (message: Batch | 'close') => {
  if (message === 'close') {
    clearInterval(looking);
    clearTimeout(makingRoom);
    releasing.cancel();
    connection.close();
    parentPort?.close();
    return;
  }
  lookOutside();
  parentPort?.postMessage(writer.commit(message));
});

function makeRoom(): void {
  try {
    makeRoomInLog(connection, path);
  } catch {
    // It only saves time. Of a disk that is full or a file that is locked, those who write are told.
  }
}

/** SQLite counts what other connections commit: of this process only this one writes, so that it was another process. */
function lookOutside(): void {
  const version = versionNow();
  if (version === seenVersion) return;
  seenVersion = version;
  const { position } = readPosition.get() as { position: number };
  parentPort?.postMessage({ outside: position } satisfies OutsideWrite);
}

function versionNow(): number {
  return (dataVersion.get() as { data_version: number }).data_version;
}

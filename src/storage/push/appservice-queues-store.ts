import type { Reader, Writer } from '../database.ts';
import { EVENT_COLUMNS, type EventRow } from '../rooms/events-store.ts';
import type { Lease } from '../process-leases.ts';
import { sql } from '../sql.ts';

/** A row of the table `appservice_queues`. */
export interface AppserviceQueueRow {
  readonly id: string;
  /** Everything up to this position was taken. */
  readonly position: number;
  /** The transaction that is being sent, if one is: its ID, its body, and the position up to which it reaches. */
  readonly transaction_id: string | null;
  readonly transaction_body: string | null;
  readonly transaction_upto: number | null;
}

const one = sql(
  `SELECT id, position, transaction_id, transaction_body, transaction_upto FROM appservice_queues WHERE id = ?`,
);
const insertQueue = sql(`INSERT INTO appservice_queues (id, position) VALUES (?, ?) ON CONFLICT DO NOTHING`);
const claimQueue = sql(
  `UPDATE appservice_queues SET owner = ?, leased_until = ? WHERE id = ? AND (owner = ? OR leased_until <= ?)`,
);
const renewQueues = sql(
  `UPDATE appservice_queues SET leased_until = ? WHERE owner = ? AND leased_until >= ?`,
);
const releaseQueues = sql(`UPDATE appservice_queues SET leased_until = 0 WHERE owner = ?`);
const beginTransaction = sql(
  `UPDATE appservice_queues SET transaction_id = ?, transaction_body = ?, transaction_upto = ?
   WHERE id = ? AND owner = ?`,
);
const moveOn = sql(
  `UPDATE appservice_queues
   SET position = ?, transaction_id = NULL, transaction_body = NULL, transaction_upto = NULL
   WHERE id = ? AND owner = ?`,
);
const logAfter = sql(
  `SELECT ${EVENT_COLUMNS} FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
);

/** What an application service has been told; undefined for one that is new. */
export function byId(reader: Reader, id: string): Promise<AppserviceQueueRow | undefined> {
  return reader.get<AppserviceQueueRow>(one, id);
}

/** Makes the queue of a new application service, which is told what comes after a position. */
export function insert(writer: Writer, id: string, position: number): void {
  writer.run(insertQueue, id, position);
}

/** Makes a process the one that sends; the unit fails while another is. Times in milliseconds. */
export function claim(writer: Writer, id: string, lease: Lease): void {
  writer.guard(claimQueue, lease.owner, lease.until, id, lease.owner, lease.now);
}

/** Prolongs every lease of a process that has not run out. */
export function renew(writer: Writer, lease: Lease): void {
  writer.run(renewQueues, lease.until, lease.owner, lease.now);
}

/** Gives up every lease of a process. */
export function release(writer: Writer, owner: string): void {
  writer.run(releaseQueues, owner);
}

/** Writes a transaction down before it is sent for the first time; the unit fails for who does not hold the queue. */
export function begin(
  writer: Writer,
  id: string,
  owner: string,
  transaction: { id: string; body: string; upTo: number },
): void {
  writer.guard(beginTransaction, transaction.id, transaction.body, transaction.upTo, id, owner);
}

/** Everything up to a position was taken; the unit fails for who does not hold the queue. */
export function taken(writer: Writer, id: string, owner: string, position: number): void {
  writer.guard(moveOn, position, id, owner);
}

/** Events of all rooms in the order of the log, after a position and not after `upTo`, at most `limit`. */
export function events(reader: Reader, after: number, upTo: number, limit: number): Promise<EventRow[]> {
  return reader.all<EventRow>(logAfter, after, upTo, limit);
}

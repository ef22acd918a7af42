import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { EVENT_COLUMNS, type EventRow } from '../rooms/events-store.ts';
import type { Lease } from '../process-leases.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

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
const heldQueues = sql(
  `SELECT id FROM appservice_queues WHERE owner = ? AND leased_until >= ? AND id > ?
   ORDER BY id LIMIT ?`,
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

// A server that was not answered sends its invite once more: what is known of the user is not told again.
const insertOutside = sql(
  `INSERT INTO outside_appservice_events (appservice_id, position, event_id)
   SELECT CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT)
   WHERE NOT EXISTS (SELECT 1 FROM memberships WHERE user_id = ? AND room_id = ? AND event_id = ?)`,
);
// One that came into a timeline since is told with the log.
const outsideAfter = sql(
  `SELECT outside.position AS place, ${EVENT_COLUMNS} FROM outside_appservice_events AS outside
   JOIN events ON events.event_id = outside.event_id
   WHERE appservice_id = ? AND outside.position > ? AND outside.position <= ? AND events.position < 0
   ORDER BY outside.position LIMIT ?`,
);
const deleteOutside = sql(`DELETE FROM outside_appservice_events WHERE appservice_id = ? AND position <= ?`);

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

/** What a process has at a time (milliseconds), after a name, in the order of names. */
export async function held(
  reader: Reader,
  lease: { owner: string; now: number },
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await reader.all<{ id: string }>(heldQueues, lease.owner, lease.now, after, limit);
  return rows.map((row) => row.id);
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

/**
 * An application service is to be told of a membership event of one of its users in a room that is not here, unless the
 * user is known to be that already: to be written before the membership.
 */
export function addOutside(
  writer: Writer,
  id: string,
  event: { readonly userId: UserId; readonly roomId: RoomId; readonly eventId: EventId },
  at: Position,
): void {
  const { userId, roomId, eventId } = event;
  writer.run(insertOutside, id, at, eventId, userId, roomId, eventId);
}

/** Those events in the order of their places in the log, after one and not after `upTo`, at most `limit`. */
export function outsideEvents(
  reader: Reader,
  id: string,
  range: { readonly after: number; readonly upTo: number; readonly limit: number },
): Promise<(EventRow & { readonly place: number })[]> {
  return reader.all(outsideAfter, id, range.after, range.upTo, range.limit);
}

/** Those of them up to a position were told. */
export function removeOutside(writer: Writer, id: string, upTo: number): void {
  writer.run(deleteOutside, id, upTo);
}

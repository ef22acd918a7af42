import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** A row of the table `thread_subscriptions`. */
export interface ThreadSubscriptionRow {
  readonly room_id: RoomId;
  readonly root_id: EventId;
  /** 0 for a thread that was subscribed to and is no more. */
  readonly subscribed: number;
  /** Whether the client subscribed without being told to. */
  readonly automatic: number;
  /** Position of the log at which the subscription was ended. */
  readonly unsubscribed_after: number | null;
  readonly position: number;
}

const one = sql(`SELECT * FROM thread_subscriptions WHERE user_id = ? AND room_id = ? AND root_id = ?`);
const any = sql(`SELECT 1 AS found FROM thread_subscriptions WHERE user_id = ? LIMIT 1`);
const newestChanges = sql(
  `SELECT * FROM thread_subscriptions WHERE user_id = ? AND position > ? AND position <= ?
   ORDER BY position DESC LIMIT ?`,
);
const upsert = sql(
  `INSERT INTO thread_subscriptions (user_id, room_id, root_id, subscribed, automatic, unsubscribed_after, position)
   VALUES (?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (user_id, room_id, root_id) DO UPDATE SET subscribed = excluded.subscribed,
     automatic = excluded.automatic, unsubscribed_after = excluded.unsubscribed_after, position = excluded.position`,
);
const deleteAll = sql(`DELETE FROM thread_subscriptions WHERE user_id = ?`);

/** What the user wants of a thread, if they ever said. */
export function of(
  reader: Reader,
  userId: UserId,
  roomId: RoomId,
  rootId: EventId,
): Promise<ThreadSubscriptionRow | undefined> {
  return reader.get<ThreadSubscriptionRow>(one, userId, roomId, rootId);
}

/** Whether the user ever subscribed to a thread. */
export async function hasAny(reader: Reader, userId: UserId): Promise<boolean> {
  return (await reader.get(any, userId)) !== undefined;
}

/** What changed after a position and not after another, newest first. */
export function changes(
  reader: Reader,
  userId: UserId,
  range: { after: number; upTo: number; limit: number },
): Promise<ThreadSubscriptionRow[]> {
  return reader.all<ThreadSubscriptionRow>(newestChanges, userId, range.after, range.upTo, range.limit);
}

/** Sets what the user wants of a thread. What ends a subscription is after all that was committed before. */
export function put(
  writer: Writer,
  userId: UserId,
  row: Omit<ThreadSubscriptionRow, 'unsubscribed_after' | 'position'>,
  at: Position,
): void {
  const { room_id: roomId, root_id: rootId, subscribed, automatic } = row;
  const ended = subscribed === 1 ? null : at;
  writer.run(upsert, userId, roomId, rootId, subscribed, automatic, ended, at);
}

/** Forgets everything about a user. */
export function removeAll(writer: Writer, userId: UserId): void {
  writer.run(deleteAll, userId);
}

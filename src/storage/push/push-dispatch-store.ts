import type { EventId, RoomId, ServerName, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { usersOf } from '../server-pattern.ts';
import { sql } from '../sql.ts';
import { BEFORE_HISTORY } from '../unit-of-work.ts';

/** An invite to a room that is not here, and its place in the log. */
export interface OutsideInviteRow {
  readonly position: number;
  readonly room_id: RoomId;
  readonly user_id: UserId;
  readonly event_id: EventId;
}

const row = sql(`SELECT position FROM push_dispatch WHERE id = 1`);
const take = sql(
  `UPDATE push_dispatch SET holder = ?, expires_at = ? WHERE id = 1 AND (holder = ? OR expires_at <= ?)`,
);
const move = sql(
  `UPDATE push_dispatch SET expires_at = ?, position = CASE WHEN position > ? THEN position ELSE CAST(? AS BIGINT) END
   WHERE id = 1 AND holder = ?`,
);
const giveBack = sql(`UPDATE push_dispatch SET expires_at = 0 WHERE id = 1 AND holder = ?`);
const invitesFromOutside = sql(
  `SELECT memberships.position AS position, memberships.room_id AS room_id, memberships.user_id AS user_id,
     memberships.event_id AS event_id
   FROM events JOIN memberships ON memberships.user_id = events.state_key AND memberships.room_id = events.room_id
     AND memberships.event_id = events.event_id
   WHERE events.position >= ? AND events.position < ? AND events.type = 'm.room.member'
     AND memberships.membership = 'invite' AND memberships.user_id LIKE ? ESCAPE '!'
   ORDER BY memberships.position LIMIT ?`,
);
const withBadges = sql(
  `SELECT readers.user_id AS user_id, CASE WHEN EXISTS (
     SELECT 1 FROM memberships JOIN receipts ON receipts.room_id = memberships.room_id
     WHERE memberships.user_id = readers.user_id AND receipts.user_id = readers.user_id
       AND receipts.position > ? AND receipts.position <= ?) THEN 1 ELSE 0 END AS has_read
   FROM (SELECT DISTINCT user_id FROM pushers WHERE user_id > ? AND kind = 'http' AND enabled = 1 AND badge > 0
     ORDER BY user_id LIMIT ?) AS readers
   ORDER BY readers.user_id`,
);

/** Up to where the log was looked at for what has to be pushed. */
export async function position(reader: Reader): Promise<number> {
  return (await reader.get<{ position: number }>(row))?.position ?? 0;
}

/** Makes a process the one that pushes, until a time; the unit fails when another is it. Times in milliseconds. */
export function acquire(writer: Writer, holder: string, expiresAt: number, now: number): void {
  writer.guard(take, holder, expiresAt, holder, now);
}

/** The process goes on pushing, and has looked at the log up to a position; the unit fails when it is no longer the one. */
export function advance(writer: Writer, holder: string, expiresAt: number, upTo: number): void {
  writer.guard(move, expiresAt, upTo, upTo, holder);
}

/** The process pushes no longer. */
export function release(writer: Writer, holder: string): void {
  writer.run(giveBack, holder);
}

/**
 * Users of a server who are invited by events beside the timelines, kept after a place of the log and not after
 * another, in that order, at most `limit`.
 */
export function outsideInvites(
  reader: Reader,
  server: ServerName,
  range: { after: number; upTo: number; limit: number },
): Promise<OutsideInviteRow[]> {
  const [first, end] = [BEFORE_HISTORY - range.upTo, BEFORE_HISTORY - range.after];
  return reader.all(invitesFromOutside, first, end, usersOf(server), range.limit);
}

/**
 * Users whose gateways were told last that something is unread, in order after one, at most `limit`; and whether (1) or not (0)
 * they moved a receipt after a place of the log and not after another.
 */
export function usersWithBadges(
  reader: Reader,
  { after, upTo, user, limit }: { after: number; upTo: number; user: string; limit: number },
): Promise<{ user_id: UserId; has_read: number }[]> {
  return reader.all(withBadges, after, upTo, user, limit);
}

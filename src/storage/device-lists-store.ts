import type { RoomId, UserId } from '../protocol/identifiers.ts';
import type { Reader, Writer } from './database.ts';
import { sql } from './sql.ts';
import type { Position } from './unit-of-work.ts';

const upsertChange = sql(
  `INSERT INTO device_list_changes (user_id, observer, position) VALUES (?, ?, ?)
   ON CONFLICT (user_id, observer) DO UPDATE SET position = excluded.position`,
);
const changedRoomMates = sql(
  `SELECT DISTINCT user_id FROM device_list_changes changes
   WHERE changes.position > ? AND changes.position <= ? AND (
     changes.observer = ? OR (changes.observer = '' AND (changes.user_id = ? OR EXISTS (
       SELECT 1 FROM memberships theirs JOIN memberships mine ON mine.room_id = theirs.room_id
       WHERE theirs.user_id = changes.user_id AND theirs.membership = 'join'
         AND mine.user_id = ? AND mine.membership = 'join'
     ))))`,
);
const strangers = sql(
  `SELECT user_id FROM memberships theirs
   WHERE theirs.room_id = ? AND theirs.membership = 'join' AND theirs.user_id > ? AND NOT EXISTS (
     SELECT 1 FROM memberships shared JOIN memberships mine ON mine.room_id = shared.room_id
     WHERE shared.user_id = theirs.user_id AND shared.membership = 'join'
       AND mine.user_id = ? AND mine.membership = 'join'
   ) ORDER BY user_id LIMIT ?`,
);

/** Records that the user's devices or keys changed, for everybody or for one observer alone. */
export function change(writer: Writer, userId: UserId, observer: UserId | undefined, at: Position): void {
  writer.run(upsertChange, userId, observer ?? '', at);
}

/** Users whose keys changed after one position and not after another, and whose change the observer may see. */
export async function changed(
  reader: Reader,
  observer: UserId,
  range: { after: number; upTo: number },
): Promise<UserId[]> {
  const rows = await reader.all<{ user_id: UserId }>(
    changedRoomMates,
    range.after,
    range.upTo,
    observer,
    observer,
    observer,
  );
  return rows.map((row) => row.user_id);
}

/** Members of a room who share no room with the user, in order of their IDs from `after` on. */
export async function membersSharingNoRoom(
  reader: Reader,
  roomId: RoomId,
  userId: UserId,
  page: { after: string; limit: number },
): Promise<UserId[]> {
  const rows = await reader.all<{ user_id: UserId }>(strangers, roomId, page.after, userId, page.limit);
  return rows.map((row) => row.user_id);
}

import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

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

const newestChange = sql(`SELECT position FROM device_list_changes WHERE user_id = ? AND observer = ''`);

/** Records that the user's devices or keys changed, for everybody or for one observer alone. */
export function change(writer: Writer, userId: UserId, observer: UserId | undefined, at: Position): void {
  writer.run(upsertChange, userId, observer ?? '', at);
}

/** Where the user's devices or keys changed last, for everybody; undefined where they never did. */
export async function changedAt(reader: Reader, userId: UserId): Promise<number | undefined> {
  return (await reader.get<{ position: number }>(newestChange, userId))?.position;
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

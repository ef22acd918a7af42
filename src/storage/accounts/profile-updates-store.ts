import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { slots } from '../slots.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** The most fields that can be asked for by name. */
const MOST_FIELDS = 20;

/** A field of somebody's profile, as JSON text; null for one that was removed. */
export interface ProfileFieldRow {
  readonly user_id: UserId;
  readonly field: string;
  readonly value: string | null;
}

const SLOTS = slots(MOST_FIELDS);

const upsert = sql(
  `INSERT INTO profile_updates (user_id, field, position) VALUES (?, ?, ?)
   ON CONFLICT (user_id, field) DO UPDATE SET position = excluded.position`,
);
const updatedOfRoomMates = sql(
  `SELECT updates.user_id AS user_id, updates.field AS field, profiles.value AS value
   FROM profile_updates updates
   LEFT JOIN profiles ON profiles.user_id = updates.user_id AND profiles.field = updates.field
   WHERE updates.position > ? AND updates.position <= ? AND (? = '' OR updates.field IN (${SLOTS}))
     AND (updates.user_id = ? OR EXISTS (
       SELECT 1 FROM memberships theirs JOIN memberships mine ON mine.room_id = theirs.room_id
       WHERE theirs.user_id = updates.user_id AND theirs.membership = 'join'
         AND mine.user_id = ? AND mine.membership = 'join'
     ))`,
);
const ofMembersPage = sql(
  `SELECT profiles.user_id AS user_id, profiles.field AS field, profiles.value AS value
   FROM memberships theirs JOIN profiles ON profiles.user_id = theirs.user_id
   WHERE theirs.room_id = ? AND theirs.membership = 'join' AND theirs.user_id >= ?
     AND (theirs.user_id > ? OR profiles.field > ?) AND (? = '' OR profiles.field IN (${SLOTS}))
   ORDER BY theirs.user_id, profiles.field LIMIT ?`,
);

/** Records that a field was set or removed. */
export function change(writer: Writer, userId: UserId, field: string, at: Position): void {
  writer.run(upsert, userId, field, at);
}

/**
 * Fields that changed after one position and not after another, of the observer and of those who share a room with
 * them.
 *
 * @param fields which are asked for, at most `MOST_FIELDS`; undefined for all.
 */
export function updated(
  reader: Reader,
  observer: UserId,
  range: { after: number; upTo: number },
  fields: readonly string[] | undefined,
): Promise<ProfileFieldRow[]> {
  const wanted = slotsOf(fields);
  return reader.all(updatedOfRoomMates, range.after, range.upTo, ...wanted, observer, observer);
}

/** Fields of people of this server who are in a room, in order of user and field from behind another on. */
export function ofMembers(
  reader: Reader,
  roomId: RoomId,
  fields: readonly string[] | undefined,
  page: { after: ProfileFieldRow | undefined; limit: number },
): Promise<ProfileFieldRow[]> {
  const { user_id: userId = '', field = '' } = page.after ?? {};
  return reader.all(ofMembersPage, roomId, userId, userId, field, ...slotsOf(fields), page.limit);
}

/** Whether there is a choice of fields, and the fields. */
function slotsOf(fields: readonly string[] | undefined): string[] {
  const chosen = fields ?? [];
  const slots = Array.from({ length: MOST_FIELDS }, (_, index) => chosen[index] ?? '');
  return [fields === undefined ? '' : 'chosen', ...slots];
}

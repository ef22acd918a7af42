import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';
import { BEFORE_HISTORY } from '../unit-of-work.ts';

/** Rooms that are read at once: what was told of one may be as large as a request. */
const MANY = 16;

const upsert = sql(
  `INSERT INTO stripped_states (user_id, room_id, state) VALUES (?, ?, ?)
   ON CONFLICT (user_id, room_id) DO UPDATE SET state = excluded.state`,
);
const stateOf = sql(`SELECT state FROM stripped_states WHERE user_id = ? AND room_id = ?`);
const statesOfMany = sql(
  `SELECT stripped_states.room_id AS room_id, state FROM stripped_states
   JOIN memberships ON memberships.user_id = stripped_states.user_id
     AND memberships.room_id = stripped_states.room_id AND memberships.membership IN ('invite', 'knock')
   JOIN events ON events.event_id = memberships.event_id AND events.position <= ${BEFORE_HISTORY}
   WHERE stripped_states.user_id = ? AND stripped_states.room_id IN (${slots(MANY)})`,
);
const deleteOf = sql(`DELETE FROM stripped_states WHERE user_id = ? AND room_id = ?`);

/** Keeps what the user is shown of a room that is not here, as JSON text. */
export function set(writer: Writer, userId: UserId, roomId: RoomId, state: string): void {
  writer.run(upsert, userId, roomId, state);
}

/** What the user is shown of a room that is not here, as JSON text. */
export async function of(reader: Reader, userId: UserId, roomId: RoomId): Promise<string | undefined> {
  return (await reader.get<{ state: string }>(stateOf, userId, roomId))?.state;
}

/**
 * What the user is shown, as JSON text, of those of the rooms that are not here and that the user is invited to or knocks
 * on; some rooms at a time.
 */
export async function* ofInvited(
  reader: Reader,
  userId: UserId,
  roomIds: readonly RoomId[],
): AsyncGenerator<{ readonly room_id: RoomId; readonly state: string }> {
  for (const part of inSlots(roomIds, MANY)) {
    yield* await reader.all<{ room_id: RoomId; state: string }>(statesOfMany, userId, ...part);
  }
}

/** Forgets it. */
export function remove(writer: Writer, userId: UserId, roomId: RoomId): void {
  writer.run(deleteOf, userId, roomId);
}

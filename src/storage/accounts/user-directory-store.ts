import type { ServerName, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { usersOf } from '../server-pattern.ts';
import { sql } from '../sql.ts';

/** What a term was taken from: the user ID, which stays, or the display name. */
export type TermKind = 'id' | 'name';

const add = sql(
  `INSERT INTO user_directory_terms (term, user_id, kind) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);
const removeKind = sql(`DELETE FROM user_directory_terms WHERE user_id = ? AND kind = ?`);
const removeUser = sql(`DELETE FROM user_directory_terms WHERE user_id = ?`);

/** In what rooms `found` is, that `asker` may know of: shared, public, or readable by the world. */
const VISIBLE = `(EXISTS (
    SELECT 1 FROM memberships AS theirs JOIN memberships AS mine ON mine.room_id = theirs.room_id
      AND mine.user_id = ? AND mine.membership = 'join'
    WHERE theirs.user_id = found.user_id AND theirs.membership = 'join')
  OR EXISTS (
    SELECT 1 FROM memberships AS theirs
      JOIN current_state ON current_state.room_id = theirs.room_id AND current_state.state_key = ''
        AND current_state.type IN ('m.room.join_rules', 'm.room.history_visibility')
      JOIN events ON events.position = current_state.position
    WHERE theirs.user_id = found.user_id AND theirs.membership = 'join'
      AND (events.content LIKE '%"join_rule":"public"%'
        OR events.content LIKE '%"history_visibility":"world_readable"%')))`;
const search = sql(
  `SELECT user_id FROM (
     SELECT DISTINCT user_id FROM user_directory_terms WHERE term >= ? AND term < ?
     ORDER BY user_id LIMIT ?
   ) AS found WHERE user_id <> ? AND ${VISIBLE} ORDER BY user_id LIMIT ?`,
);

/** Members of the asker's rooms, from the smallest room on as long as all of them together have no more than so many. */
const ROOM_MATES_FROM = `FROM (
    SELECT mine.room_id, SUM(rooms.joined_count) OVER (ORDER BY rooms.joined_count, mine.room_id) AS people
    FROM memberships AS mine JOIN rooms ON rooms.room_id = mine.room_id
    WHERE mine.user_id = ? AND mine.membership = 'join') AS shared
  JOIN memberships AS theirs ON theirs.room_id = shared.room_id AND theirs.membership = 'join'`;
const ROOM_MATES = `SELECT theirs.user_id ${ROOM_MATES_FROM} WHERE shared.people <= ? LIMIT ?`;
const searchRoomMates = sql(
  `SELECT DISTINCT user_id FROM (${ROOM_MATES}) AS mates WHERE user_id <> ? AND EXISTS (
     SELECT 1 FROM user_directory_terms AS terms
     WHERE terms.user_id = mates.user_id AND terms.term >= ? AND terms.term < ?)
   ORDER BY user_id LIMIT ?`,
);

const roomMatesElsewhere = sql(
  `SELECT theirs.user_id AS user_id, events.content AS content ${ROOM_MATES_FROM}
   JOIN events ON events.event_id = theirs.event_id
   WHERE shared.people <= ? AND theirs.user_id NOT LIKE ? ESCAPE '!'
   ORDER BY shared.people, shared.room_id, theirs.user_id LIMIT ?`,
);

/** Makes the user findable by these terms; earlier ones of the kind are forgotten. */
export function setTerms(writer: Writer, userId: UserId, kind: TermKind, terms: Iterable<string>): void {
  writer.run(removeKind, userId, kind);
  for (const term of terms) writer.run(add, term, userId, kind);
}

/** Takes the user out of the directory. */
export function remove(writer: Writer, userId: UserId): void {
  writer.run(removeUser, userId);
}

/**
 * Users other than the asker with a term that begins with `prefix`, whom the asker may know of.
 *
 * @param mostLookedAt users whose rooms are looked at, the first ones in order of user ID.
 */
export async function find(
  reader: Reader,
  asker: UserId,
  prefix: string,
  bounds: { mostLookedAt: number; limit: number },
): Promise<UserId[]> {
  const { mostLookedAt, limit } = bounds;
  const rows = await reader.all<{ user_id: UserId }>(
    search,
    ...[prefix, endOf(prefix), mostLookedAt, asker, asker, limit],
  );
  return rows.map((row) => row.user_id);
}

/**
 * The same of those in the asker's smaller rooms, however many others have such a term.
 *
 * @param mostLookedAt members of rooms that are looked at. Rooms with more are passed over.
 */
export async function findRoomMates(
  reader: Reader,
  asker: UserId,
  prefix: string,
  bounds: { mostLookedAt: number; limit: number },
): Promise<UserId[]> {
  const { mostLookedAt, limit } = bounds;
  const rows = await reader.all<{ user_id: UserId }>(
    searchRoomMates,
    ...[asker, mostLookedAt, mostLookedAt, asker, prefix, endOf(prefix), limit],
  );
  return rows.map((row) => row.user_id);
}

/**
 * Users of other servers in the asker's smaller rooms, with what their m.room.member there says, as JSON: once for each room,
 * those in the smallest room first.
 *
 * @param mostLookedAt members of rooms that are looked at. Rooms with more are passed over.
 */
export function roomMatesOfOtherServers(
  reader: Reader,
  asker: UserId,
  own: ServerName,
  mostLookedAt: number,
): Promise<{ readonly user_id: UserId; readonly content: string }[]> {
  return reader.all(roomMatesElsewhere, asker, mostLookedAt, usersOf(own), mostLookedAt);
}

function endOf(prefix: string): string {
  return `${prefix}\u{10ffff}`;
}

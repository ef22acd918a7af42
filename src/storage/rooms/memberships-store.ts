import type { EventId, RoomId, ServerName, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { usersOf } from '../server-pattern.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** A row of the table `memberships`: what a user is in a room now. */
export interface MembershipRow {
  readonly user_id: string;
  readonly room_id: string;
  readonly membership: string;
  readonly position: number;
  readonly event_id: string;
  readonly sender: string;
  readonly forgotten: number;
}

const upsert = sql(
  `INSERT INTO memberships (user_id, room_id, membership, position, event_id, sender, forgotten)
   VALUES (?, ?, ?, ?, ?, ?, 0)
   ON CONFLICT (user_id, room_id) DO UPDATE SET membership = excluded.membership,
     position = excluded.position, event_id = excluded.event_id, sender = excluded.sender,
     forgotten = CASE WHEN excluded.membership IN ('leave', 'ban') THEN memberships.forgotten ELSE 0 END`,
);
const insertOne = sql(
  `INSERT INTO memberships (user_id, room_id, membership, position, event_id, sender, forgotten)
   VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING`,
);
const eventsPage = sql(
  `SELECT user_id, event_id, membership, position FROM memberships WHERE room_id = ?
     AND (membership > ? OR (membership = ? AND user_id > ?)) ORDER BY membership, user_id LIMIT ?`,
);
const removeOne = sql(`DELETE FROM memberships WHERE user_id = ? AND room_id = ?`);
const one = sql(`SELECT * FROM memberships WHERE user_id = ? AND room_id = ?`);
const allOfUser = sql(`SELECT * FROM memberships WHERE user_id = ?`);
const listedOfUser = sql(
  `SELECT memberships.*, rooms.position AS newest FROM memberships
   LEFT JOIN rooms ON rooms.room_id = memberships.room_id
   WHERE user_id = ? AND forgotten = 0 AND NOT (membership = 'leave' AND sender = user_id)`,
);
const stateOfUsersRooms = sql(
  `SELECT memberships.room_id AS room_id, content FROM memberships
   JOIN current_state ON current_state.room_id = memberships.room_id AND current_state.type = CAST(? AS TEXT)
     AND current_state.state_key = ''
   JOIN events ON events.position = current_state.position
   WHERE memberships.user_id = ? AND memberships.membership IN ('join', 'invite', 'knock')`,
);
const membersPage = sql(
  `SELECT user_id FROM memberships WHERE room_id = ? AND membership = ? AND user_id > ?
   ORDER BY user_id LIMIT ?`,
);
const joinedGuests = sql(
  `SELECT memberships.user_id AS user_id FROM memberships JOIN users ON users.user_id = memberships.user_id
   WHERE room_id = ? AND membership = 'join' AND memberships.user_id > ? AND is_guest = 1
   ORDER BY memberships.user_id LIMIT ?`,
);
/** Members that are compared to find the first: more have no index in that order, which joins would have to keep. */
const MOST_COMPARED = 1_000;
const firstMembers = sql(
  `SELECT user_id, position FROM (
     SELECT user_id, position FROM memberships WHERE room_id = ? AND membership = ?
     ORDER BY user_id LIMIT ${MOST_COMPARED}
   ) AS compared ORDER BY position, user_id LIMIT ?`,
);
const shared = sql(
  `SELECT 1 AS found FROM memberships AS mine
   JOIN memberships AS theirs ON theirs.room_id = mine.room_id AND theirs.user_id = ?
     AND theirs.membership = 'join'
   WHERE mine.user_id = ? AND mine.membership = 'join' LIMIT 1`,
);
const strangers = sql(
  `SELECT user_id, position, event_id FROM memberships theirs
   WHERE theirs.room_id = ? AND theirs.membership = 'join' AND theirs.user_id > ? AND NOT EXISTS (
     SELECT 1 FROM memberships shared JOIN memberships mine ON mine.room_id = shared.room_id
     WHERE shared.user_id = theirs.user_id AND shared.membership = 'join'
       AND mine.user_id = ? AND mine.membership = 'join'
   ) ORDER BY user_id LIMIT ?`,
);
const usersOfServer = sql(
  `SELECT user_id FROM memberships WHERE room_id = ? AND user_id LIKE ? ESCAPE '!'
   ORDER BY CASE membership WHEN 'join' THEN 0 WHEN 'invite' THEN 1 ELSE 2 END, user_id LIMIT ?`,
);
const invitedOfServer = sql(
  `SELECT 1 AS one FROM memberships
   WHERE room_id = ? AND membership = 'invite' AND user_id LIKE ? ESCAPE '!' LIMIT 1`,
);
const putOutOfServer = sql(
  `SELECT 1 AS one FROM events CROSS JOIN memberships
   WHERE events.room_id = ? AND events.position >= ? AND events.type = 'm.room.member'
     AND events.state_key IS NOT NULL AND events.state_key LIKE ? ESCAPE '!'
     AND memberships.user_id = events.state_key AND memberships.room_id = events.room_id
     AND memberships.membership IN ('leave', 'ban') AND memberships.sender <> memberships.user_id LIMIT 1`,
);
const forgetRoom = sql(
  `UPDATE memberships SET forgotten = 1 WHERE user_id = ? AND room_id = ? AND membership IN ('leave', 'ban')`,
);
const movedMembers = sql(
  `SELECT DISTINCT state_key AS user_id FROM events
   WHERE room_id = ? AND position > ? AND position <= ? AND type = 'm.room.member' AND state_key IS NOT NULL
   LIMIT 1000`,
);
const activeRooms = sql(
  `SELECT memberships.room_id AS room_id, membership, event_id, memberships.position AS position,
     COALESCE(rooms.position, 0) AS newest FROM memberships LEFT JOIN rooms ON rooms.room_id = memberships.room_id
   WHERE memberships.user_id = ? AND membership IN ('join', 'invite')`,
);

/** Sets what the user is in the room. A forgotten one stays so until they join, are invited or knock. */
export function set(
  writer: Writer,
  row: { userId: UserId; roomId: RoomId; membership: string; eventId: EventId; sender: UserId },
  at: Position,
): void {
  writer.run(upsert, row.userId, row.roomId, row.membership, at, row.eventId, row.sender);
}

/** As `set`, where nothing is known of the user in the room. */
export function add(
  writer: Writer,
  row: { userId: UserId; roomId: RoomId; membership: string; eventId: EventId; sender: UserId },
  at: Position,
): void {
  writer.run(insertOne, row.userId, row.roomId, row.membership, at, row.eventId, row.sender);
}

/** By which events users are what they are in a room, in the order of what that is; those after a place, at most `limit`. */
export function eventsOf(
  reader: Reader,
  roomId: RoomId,
  after: { readonly membership: string; readonly userId: string },
  limit: number,
): Promise<Pick<MembershipRow, 'user_id' | 'event_id' | 'membership' | 'position'>[]> {
  const { membership, userId } = after;
  return reader.all(eventsPage, roomId, membership, membership, userId, limit);
}

/** The user never was in the room. */
export function remove(writer: Writer, userId: UserId, roomId: RoomId): void {
  writer.run(removeOne, userId, roomId);
}

/** What the user is in the room. */
export function of(reader: Reader, userId: UserId, roomId: RoomId): Promise<MembershipRow | undefined> {
  return reader.get<MembershipRow>(one, userId, roomId);
}

/** All of the user's rooms. */
export function ofUser(reader: Reader, userId: UserId): Promise<MembershipRow[]> {
  return reader.all<MembershipRow>(allOfUser, userId);
}

/** The user's rooms but those that the user left or forgot, each with the position of its newest event. */
export function listed(
  reader: Reader,
  userId: UserId,
): Promise<(MembershipRow & { readonly newest: number | null })[]> {
  return reader.all(listedOfUser, userId);
}

/**
 * The content (JSON text) of one entry of the current state, with an empty state key, of each room that has it, but for rooms
 * that the user left or was put out of.
 */
export function stateOfRooms(
  reader: Reader,
  userId: UserId,
  type: string,
): Promise<{ readonly room_id: RoomId; readonly content: string }[]> {
  return reader.all(stateOfUsersRooms, type, userId);
}

/** Users with a membership in the room, after `after` in order of user ID. */
export async function members(
  reader: Reader,
  roomId: RoomId,
  membership: string,
  after: string,
  limit: number,
): Promise<UserId[]> {
  const rows = await reader.all<{ user_id: UserId }>(membersPage, roomId, membership, after, limit);
  return rows.map((row) => row.user_id);
}

/** Guests of this server who are joined to the room, after `after` in order of user ID. */
export async function guests(
  reader: Reader,
  roomId: RoomId,
  after: string,
  limit: number,
): Promise<UserId[]> {
  const rows = await reader.all<{ user_id: UserId }>(joinedGuests, roomId, after, limit);
  return rows.map((row) => row.user_id);
}

/**
 * Who has one of the memberships in the room, by which a room without a name is known: those who have it longest, at most
 * `limit`. Of more than 1,000 with one membership only the first 1,000 by user ID are looked at.
 */
export async function first(
  reader: Reader,
  roomId: RoomId,
  memberships: readonly string[],
  limit: number,
): Promise<UserId[]> {
  const found: { user_id: UserId; position: number }[] = [];
  for (const membership of memberships) {
    found.push(...(await reader.all<(typeof found)[0]>(firstMembers, roomId, membership, limit)));
  }
  found.sort((a, b) => a.position - b.position);
  return found.slice(0, limit).map((member) => member.user_id);
}

/**
 * Users of a server that are or were in the room, at most `limit`, who are in it first. Looks at everybody who is or
 * was in it.
 */
export async function ofServer(
  reader: Reader,
  roomId: RoomId,
  server: ServerName,
  limit: number,
): Promise<UserId[]> {
  const rows = await reader.all<{ user_id: UserId }>(usersOfServer, roomId, usersOf(server), limit);
  return rows.map((row) => row.user_id);
}

/** Whether a user of a server is invited to the room. Looks at everybody who is. */
export async function hasInvited(reader: Reader, roomId: RoomId, server: ServerName): Promise<boolean> {
  return (await reader.get(invitedOfServer, roomId, usersOf(server))) !== undefined;
}

/**
 * Whether others put a user of a server out of the room who came into it, or was invited, at a position or later. Looks at
 * the state events from there on.
 */
export async function hasPutOut(
  reader: Reader,
  roomId: RoomId,
  server: ServerName,
  since: number,
): Promise<boolean> {
  return (await reader.get(putOutOfServer, roomId, since, usersOf(server))) !== undefined;
}

/** Whether both users are joined to one room. */
export async function shareRoom(reader: Reader, a: UserId, b: UserId): Promise<boolean> {
  return (await reader.get(shared, b, a)) !== undefined;
}

/** Marks a room that the user left as forgotten; fails the unit when the user has not left it. */
export function forget(writer: Writer, userId: UserId, roomId: RoomId): void {
  writer.guard(forgetRoom, userId, roomId);
}

/** Users whose membership event is among a room's after one position and not after another, at most 1,000. */
export async function moved(
  reader: Reader,
  roomId: RoomId,
  range: { after: number; upTo: number },
): Promise<UserId[]> {
  const rows = await reader.all<{ user_id: UserId }>(movedMembers, roomId, range.after, range.upTo);
  return rows.map((row) => row.user_id);
}

/** A room that a user is in or invited to, and the position of its newest event; 0 where the room is not here. */
export interface ActiveRoomRow {
  readonly room_id: RoomId;
  readonly membership: 'join' | 'invite';
  readonly event_id: EventId;
  readonly position: number;
  readonly newest: number;
}

/** The rooms that a user is in or invited to. */
export function active(reader: Reader, userId: UserId): Promise<ActiveRoomRow[]> {
  return reader.all<ActiveRoomRow>(activeRooms, userId);
}

/** Members of a room who share no room with the user, with their membership events, in order of their IDs from `after` on. */
export async function membersSharingNoRoom(
  reader: Reader,
  roomId: RoomId,
  userId: UserId,
  page: { after: string; limit: number },
): Promise<{ user_id: UserId; position: number; event_id: EventId }[]> {
  return reader.all(strangers, roomId, page.after, userId, page.limit);
}

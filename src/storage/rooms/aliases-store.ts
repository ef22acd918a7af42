import type { RoomAlias, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `aliases`. */
export interface AliasRow {
  readonly alias: string;
  readonly room_id: string;
  readonly creator: string;
}

const one = sql(`SELECT * FROM aliases WHERE alias = ?`);
const ofRoomPage = sql(`SELECT * FROM aliases WHERE room_id = ? AND alias > ? ORDER BY alias LIMIT ?`);
const insertAlias = sql(
  `INSERT INTO aliases (alias, room_id, creator) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);
const deleteAlias = sql(`DELETE FROM aliases WHERE alias = ?`);
const moveAliases = sql(`UPDATE aliases SET room_id = ? WHERE room_id = ?`);

/** The alias, or undefined. */
export function byAlias(reader: Reader, alias: RoomAlias): Promise<AliasRow | undefined> {
  return reader.get<AliasRow>(one, alias);
}

/** Aliases of a room in order, after `after`. */
export function ofRoom(reader: Reader, roomId: RoomId, after: string, limit: number): Promise<AliasRow[]> {
  return reader.all<AliasRow>(ofRoomPage, roomId, after, limit);
}

/** Adds an alias; the unit fails when it is taken. */
export function insert(writer: Writer, alias: RoomAlias, roomId: RoomId, creator: UserId): void {
  writer.guard(insertAlias, alias, roomId, creator);
}

/** Deletes an alias; the unit fails when it is not there. */
export function remove(writer: Writer, alias: RoomAlias): void {
  writer.guard(deleteAlias, alias);
}

/** Points all of a room's aliases to another room. */
export function move(writer: Writer, from: RoomId, to: RoomId): void {
  writer.run(moveAliases, to, from);
}

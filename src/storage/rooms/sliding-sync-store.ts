import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** Whose connection it is. The device is empty for who has none. */
export interface ConnectionOwner {
  readonly userId: UserId;
  readonly deviceId: string;
  readonly connId: string;
}

/** A row of the table `sliding_sync_states`: what one answer added to what was sent before (`parent`). */
export interface SlidingSyncStateRow {
  readonly generation: string;
  /** Empty for the first. */
  readonly parent: string;
  /** JSON text. */
  readonly state: string;
}

const ofConnection = sql(
  `SELECT generation, parent, state FROM sliding_sync_states WHERE user_id = ? AND device_id = ? AND conn_id = ?`,
);
const insert = sql(
  `INSERT INTO sliding_sync_states (user_id, device_id, conn_id, generation, parent, state, used_at)
   VALUES (?, ?, ?, ?, ?, ?, ?)`,
);
const deleteChildren = sql(
  `DELETE FROM sliding_sync_states WHERE user_id = ? AND device_id = ? AND conn_id = ? AND parent = ?`,
);
const deleteConnection = sql(
  `DELETE FROM sliding_sync_states WHERE user_id = ? AND device_id = ? AND conn_id = ?`,
);
const deleteUnusedConnections = sql(
  `DELETE FROM sliding_sync_states WHERE user_id = ? AND device_id = ? AND conn_id NOT IN (
     SELECT conn_id FROM sliding_sync_states WHERE user_id = ? AND device_id = ?
     GROUP BY conn_id ORDER BY MAX(used_at) DESC LIMIT ?)`,
);
const deleteOld = sql(`DELETE FROM sliding_sync_states WHERE used_at < ?`);

/** Everything that is kept of a connection, in no order. */
export function states(reader: Reader, owner: ConnectionOwner): Promise<SlidingSyncStateRow[]> {
  return reader.all<SlidingSyncStateRow>(ofConnection, owner.userId, owner.deviceId, owner.connId);
}

/** Adds what an answer sent. `now` in milliseconds. */
export function add(writer: Writer, owner: ConnectionOwner, row: SlidingSyncStateRow, now: number): void {
  const { userId, deviceId, connId } = owner;
  writer.run(insert, userId, deviceId, connId, row.generation, row.parent, row.state, now);
}

/** Drops what answers sent after a generation: the client never got them. */
export function removeAfter(writer: Writer, owner: ConnectionOwner, generation: string): void {
  writer.run(deleteChildren, owner.userId, owner.deviceId, owner.connId, generation);
}

/** Drops all of a connection. */
export function remove(writer: Writer, owner: ConnectionOwner): void {
  writer.run(deleteConnection, owner.userId, owner.deviceId, owner.connId);
}

/** Drops all connections of a device but the `keep` that were used last. */
export function removeUnused(writer: Writer, owner: ConnectionOwner, keep: number): void {
  const { userId, deviceId } = owner;
  writer.run(deleteUnusedConnections, userId, deviceId, userId, deviceId, keep);
}

/** Drops what was not added to since a time in milliseconds. */
export function removeOlderThan(writer: Writer, time: number): void {
  writer.run(deleteOld, time);
}

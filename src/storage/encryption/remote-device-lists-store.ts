import type { DeviceId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { KeyUsage } from './device-keys-store.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** How far this server knows the devices of a user of another server. */
export interface RemoteDeviceListRow {
  readonly user_id: UserId;
  /** The newest update of the user's server that is in the list. */
  readonly stream_id: number;
  /** 1 when updates may be missing. */
  readonly stale: number;
}

const one = sql(`SELECT user_id, stream_id, stale FROM remote_device_lists WHERE user_id = ?`);
const upsert = sql(
  `INSERT INTO remote_device_lists (user_id, stream_id, stale) VALUES (?, ?, 0)
   ON CONFLICT (user_id) DO UPDATE SET stream_id = excluded.stream_id, stale = 0`,
);
const moveOn = sql(
  `UPDATE remote_device_lists SET stream_id = ? WHERE user_id = ? AND stream_id = ? AND stale = 0`,
);
const setStale = sql(`UPDATE remote_device_lists SET stale = 1 WHERE user_id = ?`);
const setStaleIfChanged = sql(
  `UPDATE remote_device_lists SET stale = 1 WHERE user_id = ? AND EXISTS (
     SELECT 1 FROM device_list_changes changes
     WHERE changes.user_id = remote_device_lists.user_id AND changes.observer = '' AND changes.position > ?)`,
);
const staleLists = sql(
  `SELECT user_id FROM remote_device_lists WHERE stale = 1 AND user_id > ? ORDER BY user_id LIMIT ?`,
);
const deleteList = sql(`DELETE FROM remote_device_lists WHERE user_id = ?`);
const FOLLOWED = `EXISTS (SELECT 1 FROM memberships JOIN rooms ON rooms.room_id = memberships.room_id
  WHERE memberships.user_id = remote_device_lists.user_id AND memberships.membership = 'join'
    AND rooms.joined_count > rooms.remote_joined)`;
const staleInRoom = sql(
  `UPDATE remote_device_lists SET stale = 1 WHERE stale = 0 AND NOT ${FOLLOWED} AND user_id IN
     (SELECT user_id FROM memberships WHERE room_id = ?)`,
);
const sharesRoom = sql(
  `SELECT 1 AS found FROM memberships JOIN rooms ON rooms.room_id = memberships.room_id
   WHERE memberships.user_id = ? AND memberships.membership = 'join'
     AND rooms.joined_count > rooms.remote_joined LIMIT 1`,
);
const deleteDevice = sql(`DELETE FROM device_keys WHERE user_id = ? AND device_id = ?`);
const deleteDevices = sql(`DELETE FROM device_keys WHERE user_id = ?`);
const deleteCrossSigning = sql(`DELETE FROM cross_signing_keys WHERE user_id = ?`);
const deleteSelfSigning = sql(`DELETE FROM cross_signing_keys WHERE user_id = ? AND usage = 'self_signing'`);
const deleteOwnSignatures = sql(`DELETE FROM key_signatures WHERE user_id = ? AND signer = ?`);
const upsertDevice = sql(
  `INSERT INTO device_keys (user_id, device_id, keys) VALUES (?, ?, ?)
   ON CONFLICT (user_id, device_id) DO UPDATE SET keys = excluded.keys`,
);
const upsertCrossSigning = sql(
  `INSERT INTO cross_signing_keys (user_id, usage, key) VALUES (?, ?, ?)
   ON CONFLICT (user_id, usage) DO UPDATE SET key = excluded.key`,
);

/** Keys of a remote user as JSON text. */
export interface RemoteKeys {
  readonly devices: readonly (readonly [DeviceId, string])[];
  readonly crossSigning: readonly (readonly [KeyUsage, string])[];
}

/** How far a user's devices are known, or undefined. */
export function of(reader: Reader, userId: UserId): Promise<RemoteDeviceListRow | undefined> {
  return reader.get<RemoteDeviceListRow>(one, userId);
}

/** Whether the user is in a room with somebody of this server: then updates come. */
export async function isFollowed(reader: Reader, userId: UserId): Promise<boolean> {
  return (await reader.get(sharesRoom, userId)) !== undefined;
}

/** Users whose lists are stale, after one, in the order of their IDs. */
export async function stale(reader: Reader, after: string, limit: number): Promise<UserId[]> {
  const rows = await reader.all<{ user_id: UserId }>(staleLists, after, limit);
  return rows.map((row) => row.user_id);
}

/** Sets all that is known of a user's keys. */
export function replace(writer: Writer, userId: UserId, streamId: number, keys: RemoteKeys): void {
  writer.run(deleteDevices, userId);
  writer.run(deleteCrossSigning, userId);
  writer.run(deleteOwnSignatures, userId, userId);
  for (const [deviceId, text] of keys.devices) writer.run(upsertDevice, userId, deviceId, text);
  putCrossSigning(writer, userId, keys.crossSigning);
  writer.run(upsert, userId, streamId);
}

/** Applies an update of one device; undefined keys end it. The unit fails when the list was not at `before`. */
export function update(
  writer: Writer,
  userId: UserId,
  stream: { before: number; after: number },
  device: { deviceId: DeviceId; keys: string | undefined },
): void {
  writer.guard(moveOn, stream.after, userId, stream.before);
  if (device.keys === undefined) writer.run(deleteDevice, userId, device.deviceId);
  else writer.run(upsertDevice, userId, device.deviceId, device.keys);
}

/** Sets those cross-signing keys of a user that changed; with a new master key, what the one of before signed is gone. */
export function updateCrossSigning(
  writer: Writer,
  userId: UserId,
  keys: readonly (readonly [KeyUsage, string])[],
  isMasterNew: boolean,
): void {
  if (isMasterNew) writer.run(deleteSelfSigning, userId);
  putCrossSigning(writer, userId, keys);
}

function putCrossSigning(
  writer: Writer,
  userId: UserId,
  keys: readonly (readonly [KeyUsage, string])[],
): void {
  for (const [usage, text] of keys) writer.run(upsertCrossSigning, userId, usage, text);
}

/** Notes that updates of a user's devices may be missing. */
export function markStale(writer: Writer, userId: UserId): void {
  writer.run(setStale, userId);
}

/** As `markStale`, if an update was taken after a position of the log. */
export function markStaleIfChanged(writer: Writer, userId: UserId, after: number): void {
  writer.run(setStaleIfChanged, userId, after);
}

/** As `markStale`, of everybody in a room whom this server shares no room with any more. */
export function markStaleInRoom(writer: Writer, roomId: RoomId): void {
  writer.run(staleInRoom, roomId);
}

/** Forgets how far a user's devices are known. */
export function forget(writer: Writer, userId: UserId): void {
  writer.run(deleteList, userId);
}

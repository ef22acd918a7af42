import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `devices`. */
export interface DeviceRow {
  readonly user_id: string;
  readonly device_id: string;
  readonly display_name: string | null;
  readonly last_seen_at: number | null;
  readonly last_seen_ip: string | null;
  readonly user_agent: string | null;
  /** Position in the log at which it was made; 0 for one that is older than this column. */
  readonly made_at: number;
}

const all = sql(`SELECT * FROM devices WHERE user_id = ? ORDER BY device_id LIMIT 1000`);
const one = sql(`SELECT * FROM devices WHERE user_id = ? AND device_id = ?`);
const upsert = sql(
  `INSERT INTO devices (user_id, device_id, display_name, made_at) VALUES (?, ?, ?, ?)
   ON CONFLICT (user_id, device_id) DO UPDATE SET display_name = COALESCE(excluded.display_name, devices.display_name)`,
);
const insertUnlessThere = sql(
  `INSERT INTO devices (user_id, device_id, display_name, made_at) VALUES (?, ?, ?, ?)
   ON CONFLICT (user_id, device_id) DO NOTHING`,
);
const holdDevice = sql(`UPDATE devices SET device_id = device_id WHERE user_id = ? AND device_id = ?`);
const renameDevice = sql(`UPDATE devices SET display_name = ? WHERE user_id = ? AND device_id = ?`);
const seenDevice = sql(
  `UPDATE devices SET last_seen_at = ?, last_seen_ip = ?, user_agent = ? WHERE user_id = ? AND device_id = ?`,
);
const removeDevice = sql(`DELETE FROM devices WHERE user_id = ? AND device_id = ?`);
const removeTokens = sql(`DELETE FROM access_tokens WHERE user_id = ? AND device_id = ?`);
const removeOtherDevices = sql(`DELETE FROM devices WHERE user_id = ? AND device_id <> ?`);
const removeOtherTokens = sql(`DELETE FROM access_tokens WHERE user_id = ? AND device_id <> ?`);
const removeOtherRefreshTokens = sql(`DELETE FROM refresh_tokens WHERE user_id = ? AND device_id <> ?`);
const removeRefreshTokens = sql(`DELETE FROM refresh_tokens WHERE user_id = ? AND device_id = ?`);

/** Tables with rows of a device beside `devices` and the tokens. */
const KEPT_FOR_DEVICES = [
  'device_keys',
  'one_time_keys',
  'fallback_keys',
  'to_device',
  'dehydrated_devices',
  'pushers',
  'sliding_sync_states',
];
const removeKept = KEPT_FOR_DEVICES.map((table) =>
  sql(`DELETE FROM ${table} WHERE user_id = ? AND device_id = ?`),
);
const removeKeptOfOthers = KEPT_FOR_DEVICES.map((table) =>
  sql(`DELETE FROM ${table} WHERE user_id = ? AND device_id <> ?`),
);
const removePushes = sql(
  `DELETE FROM pushes WHERE user_id = ? AND NOT EXISTS (SELECT 1 FROM pushers WHERE pushers.user_id = pushes.user_id
     AND pushers.app_id = pushes.app_id AND pushers.pushkey = pushes.pushkey)`,
);

/** The user's devices, at most 1,000. */
export function ofUser(reader: Reader, userId: UserId): Promise<DeviceRow[]> {
  return reader.all<DeviceRow>(all, userId);
}

/** One device, or undefined. */
export function byId(reader: Reader, userId: UserId, deviceId: DeviceId): Promise<DeviceRow | undefined> {
  return reader.get<DeviceRow>(one, userId, deviceId);
}

/** Adds a device, or takes one over: its name is kept when none is given, and where it was made. */
export function put(writer: Writer, userId: UserId, deviceId: DeviceId, name: string | undefined): void {
  writer.run(upsert, userId, deviceId, name ?? null, writer.position());
}

/** Adds a device. One that is there keeps the name that it has, and where it was made. */
export function addUnlessThere(
  writer: Writer,
  userId: UserId,
  deviceId: DeviceId,
  name: string | undefined,
): void {
  writer.run(insertUnlessThere, userId, deviceId, name ?? null, writer.position());
}

/** Adds something that hangs on a device: the unit fails when the device was ended meanwhile. */
export function mustBeThere(writer: Writer, userId: UserId, deviceId: DeviceId): void {
  writer.guard(holdDevice, userId, deviceId);
}

/** Renames a device; the unit fails when there is none. */
export function rename(writer: Writer, userId: UserId, deviceId: DeviceId, name: string): void {
  writer.guard(renameDevice, name, userId, deviceId);
}

/** Notes where a device was seen. `at` in milliseconds. */
export function seen(
  writer: Writer,
  device: { userId: UserId; deviceId: DeviceId; at: number; ip: string; userAgent: string },
): void {
  writer.run(seenDevice, device.at, device.ip, device.userAgent, device.userId, device.deviceId);
}

/** Invalidates every token of a device. */
export function dropTokens(writer: Writer, userId: UserId, deviceId: DeviceId): void {
  writer.run(removeTokens, userId, deviceId);
  writer.run(removeRefreshTokens, userId, deviceId);
}

/** Deletes a device with its tokens, its keys, the messages that wait for it and the pushers that it set. */
export function remove(writer: Writer, userId: UserId, deviceId: DeviceId): void {
  dropTokens(writer, userId, deviceId);
  for (const statement of removeKept) writer.run(statement, userId, deviceId);
  writer.run(removePushes, userId);
  writer.run(removeDevice, userId, deviceId);
}

/** Deletes all devices of a user with what is kept for them, but for one if it is given. */
export function removeAll(writer: Writer, userId: UserId, keep: DeviceId | undefined): void {
  const kept = keep ?? '';
  for (const statement of removeKeptOfOthers) writer.run(statement, userId, kept);
  writer.run(removePushes, userId);
  writer.run(removeOtherTokens, userId, kept);
  writer.run(removeOtherRefreshTokens, userId, kept);
  writer.run(removeOtherDevices, userId, kept);
}

import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** A one-time or fallback key as JSON text. */
export interface KeyRow {
  readonly key_id: string;
  readonly key: string;
}

/** How many keys of an algorithm a device has left. */
export interface KeyCount {
  readonly algorithm: string;
  readonly count: number;
}

const unclaimed = sql(
  `SELECT key_id, key FROM one_time_keys WHERE user_id = ? AND device_id = ? AND algorithm = ? AND key IS NOT NULL
   ORDER BY position, key_id LIMIT ?`,
);
const one = sql(
  `SELECT key FROM one_time_keys WHERE user_id = ? AND device_id = ? AND algorithm = ? AND key_id = ?`,
);
const insertKey = sql(
  `INSERT INTO one_time_keys (user_id, device_id, algorithm, key_id, position, key) VALUES (?, ?, ?, ?, ?, ?)
   ON CONFLICT DO NOTHING`,
);
const claimKey = sql(
  `UPDATE one_time_keys SET key = NULL
   WHERE user_id = ? AND device_id = ? AND algorithm = ? AND key_id = ? AND key IS NOT NULL`,
);
const countKeys = sql(
  `SELECT algorithm, COUNT(*) AS count FROM one_time_keys
   WHERE user_id = ? AND device_id = ? AND key IS NOT NULL GROUP BY algorithm`,
);
const fallbackKey = sql(
  `SELECT key_id, key, used FROM fallback_keys WHERE user_id = ? AND device_id = ? AND algorithm = ?`,
);
const unusedFallback = sql(
  `SELECT algorithm FROM fallback_keys WHERE user_id = ? AND device_id = ? AND used = 0 ORDER BY algorithm`,
);
const upsertFallback = sql(
  `INSERT INTO fallback_keys (user_id, device_id, algorithm, key_id, key, used) VALUES (?, ?, ?, ?, ?, 0)
   ON CONFLICT (user_id, device_id, algorithm) DO UPDATE SET key_id = excluded.key_id, key = excluded.key, used = 0
   WHERE fallback_keys.key_id <> excluded.key_id OR fallback_keys.key <> excluded.key`,
);
const deleteUnclaimed = sql(
  `DELETE FROM one_time_keys WHERE user_id = ? AND device_id = ? AND key IS NOT NULL`,
);
const deleteAll = sql(`DELETE FROM one_time_keys WHERE user_id = ? AND device_id = ?`);
const deleteFallbacks = sql(`DELETE FROM fallback_keys WHERE user_id = ? AND device_id = ?`);
const markUsed = sql(
  `UPDATE fallback_keys SET used = 1 WHERE user_id = ? AND device_id = ? AND algorithm = ? AND key_id = ?`,
);

/** The device's oldest unclaimed keys of an algorithm. */
export function oldest(
  reader: Reader,
  device: { userId: UserId; deviceId: DeviceId },
  algorithm: string,
  limit: number,
): Promise<KeyRow[]> {
  return reader.all<KeyRow>(unclaimed, device.userId, device.deviceId, algorithm, limit);
}

/** A key that was uploaded: its JSON text, or null when it was claimed. Undefined for an unknown one. */
export async function find(
  reader: Reader,
  device: { userId: UserId; deviceId: DeviceId },
  algorithm: string,
  keyId: string,
): Promise<string | null | undefined> {
  const row = await reader.get<{ key: string | null }>(one, device.userId, device.deviceId, algorithm, keyId);
  return row?.key;
}

/** Adds a key; the unit fails when there was one of its ID, even if it was claimed since. */
export function add(
  writer: Writer,
  device: { userId: UserId; deviceId: DeviceId },
  algorithm: string,
  row: KeyRow,
  at: Position,
): void {
  writer.guard(insertKey, device.userId, device.deviceId, algorithm, row.key_id, at, row.key);
}

/** Adds a key, unless one of its ID is there or was claimed. */
export function addUnlessClaimed(
  writer: Writer,
  device: { userId: UserId; deviceId: DeviceId },
  algorithm: string,
  row: KeyRow,
  at: Position,
): void {
  writer.run(insertKey, device.userId, device.deviceId, algorithm, row.key_id, at, row.key);
}

/** Claims a key; the unit fails when it was claimed already. Its ID is kept, so that it can never be claimed again. */
export function claim(
  writer: Writer,
  device: { userId: UserId; deviceId: DeviceId },
  algorithm: string,
  keyId: string,
): void {
  writer.guard(claimKey, device.userId, device.deviceId, algorithm, keyId);
}

/** Drops the device's unclaimed keys and its fallback keys; of those that were claimed it is still known that they were. */
export function removeUnclaimed(writer: Writer, device: { userId: UserId; deviceId: DeviceId }): void {
  writer.run(deleteUnclaimed, device.userId, device.deviceId);
  writer.run(deleteFallbacks, device.userId, device.deviceId);
}

/** Drops everything that is known of the device's one-time and fallback keys. */
export function removeAll(writer: Writer, device: { userId: UserId; deviceId: DeviceId }): void {
  writer.run(deleteAll, device.userId, device.deviceId);
  writer.run(deleteFallbacks, device.userId, device.deviceId);
}

/** How many unclaimed keys the device has. */
export function counts(reader: Reader, device: { userId: UserId; deviceId: DeviceId }): Promise<KeyCount[]> {
  return reader.all<KeyCount>(countKeys, device.userId, device.deviceId);
}

/** The device's fallback key of an algorithm, or undefined. */
export function fallback(
  reader: Reader,
  device: { userId: UserId; deviceId: DeviceId },
  algorithm: string,
): Promise<(KeyRow & { readonly used: number }) | undefined> {
  return reader.get(fallbackKey, device.userId, device.deviceId, algorithm);
}

/** Algorithms of fallback keys that were not claimed yet. */
export async function unusedFallbackTypes(
  reader: Reader,
  device: { userId: UserId; deviceId: DeviceId },
): Promise<string[]> {
  const rows = await reader.all<{ algorithm: string }>(unusedFallback, device.userId, device.deviceId);
  return rows.map((row) => row.algorithm);
}

/** Sets the device's fallback key of an algorithm. The same key again changes nothing. */
export function putFallback(
  writer: Writer,
  device: { userId: UserId; deviceId: DeviceId },
  algorithm: string,
  row: KeyRow,
): void {
  writer.run(upsertFallback, device.userId, device.deviceId, algorithm, row.key_id, row.key);
}

/** Notes that a fallback key was given out. */
export function useFallback(
  writer: Writer,
  device: { userId: UserId; deviceId: DeviceId },
  algorithm: string,
  keyId: string,
): void {
  writer.run(markUsed, device.userId, device.deviceId, algorithm, keyId);
}

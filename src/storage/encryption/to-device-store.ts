import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** A message that waits for a device, as JSON text. */
export interface ToDeviceRow {
  readonly position: number;
  readonly message: string;
}

const insertForDevice = sql(
  `INSERT INTO to_device (user_id, device_id, position, message)
   SELECT user_id, device_id, CAST(? AS BIGINT), CAST(? AS TEXT) FROM devices WHERE user_id = ? AND device_id = ?`,
);
const insertForOthers = sql(
  `INSERT INTO to_device (user_id, device_id, position, message)
   SELECT user_id, device_id, CAST(? AS BIGINT), CAST(? AS TEXT) FROM devices WHERE user_id = ?
   ON CONFLICT DO NOTHING`,
);
const waiting = sql(
  `SELECT position, message FROM to_device
   WHERE user_id = ? AND device_id = ? AND position > ? AND position <= ? ORDER BY position LIMIT ?`,
);
const deleteTaken = sql(`DELETE FROM to_device WHERE user_id = ? AND device_id = ? AND position <= ?`);
const isTaken = sql(
  `SELECT 1 AS found FROM to_device WHERE user_id = ? AND device_id = ? AND position <= ? LIMIT 1`,
);
const insertTransaction = sql(
  `INSERT INTO to_device_transactions (key, position) VALUES (?, ?) ON CONFLICT DO NOTHING`,
);
const deleteOldTransactions = sql(`DELETE FROM to_device_transactions WHERE position < ?`);

/** Puts a message into the queue of a device. A device gets one message at a position. */
export function add(writer: Writer, userId: UserId, deviceId: string, message: string, at: Position): void {
  writer.run(insertForDevice, at, message, userId, deviceId);
}

/** Puts a message into the queues of those of the user's devices that got none at this position. */
export function addForOthers(writer: Writer, userId: UserId, message: string, at: Position): void {
  writer.run(insertForOthers, at, message, userId);
}

/** Messages for a device with `after` < position <= `upTo`, oldest first. */
export function between(
  reader: Reader,
  userId: UserId,
  deviceId: DeviceId,
  range: { after: number; upTo: number; limit: number },
): Promise<ToDeviceRow[]> {
  return reader.all<ToDeviceRow>(waiting, userId, deviceId, range.after, range.upTo, range.limit);
}

/** Whether messages up to a position are still kept for the device. */
export async function hasUpTo(
  reader: Reader,
  userId: UserId,
  deviceId: DeviceId,
  position: number,
): Promise<boolean> {
  return (await reader.get(isTaken, userId, deviceId, position)) !== undefined;
}

/** Deletes a device's messages up to a position. */
export function removeUpTo(writer: Writer, userId: UserId, deviceId: DeviceId, position: number): void {
  writer.run(deleteTaken, userId, deviceId, position);
}

/** Notes that a transaction was carried out; the unit fails when it was before. */
export function claimTransaction(writer: Writer, key: Uint8Array, at: Position): void {
  writer.guard(insertTransaction, key, at);
}

/** Forgets transactions before a position. */
export function forgetTransactions(writer: Writer, before: number): void {
  writer.run(deleteOldTransactions, before);
}

import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `dehydrated_devices`. `device_data` is JSON text. */
export interface DehydratedDeviceRow {
  readonly device_id: string;
  readonly device_data: string;
}

const one = sql(`SELECT device_id, device_data FROM dehydrated_devices WHERE user_id = ?`);
const upsert = sql(
  `INSERT INTO dehydrated_devices (user_id, device_id, device_data) VALUES (?, ?, ?)
   ON CONFLICT (user_id) DO UPDATE SET device_id = excluded.device_id, device_data = excluded.device_data`,
);
const deleteOne = sql(`DELETE FROM dehydrated_devices WHERE user_id = ? AND device_id = ?`);

/** The user's dehydrated device, or undefined. */
export function ofUser(reader: Reader, userId: UserId): Promise<DehydratedDeviceRow | undefined> {
  return reader.get<DehydratedDeviceRow>(one, userId);
}

/** Sets the user's dehydrated device. */
export function put(writer: Writer, userId: UserId, row: DehydratedDeviceRow): void {
  writer.run(upsert, userId, row.device_id, row.device_data);
}

/** The user has this dehydrated device no more; the unit fails when it was another. */
export function remove(writer: Writer, userId: UserId, deviceId: DeviceId): void {
  writer.guard(deleteOne, userId, deviceId);
}

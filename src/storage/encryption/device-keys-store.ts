import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** Identity keys of a device as JSON text, with the name of the device. */
export interface DeviceKeysRow {
  readonly device_id: string;
  readonly keys: string;
  readonly display_name: string | null;
}

/** What a cross-signing key is for. */
export type KeyUsage = 'master' | 'self_signing' | 'user_signing';

/** A cross-signing key as JSON text. */
export interface CrossSigningRow {
  readonly usage: KeyUsage;
  readonly key: string;
}

/** A signature that was added to a key after its upload. `key_id` is a device ID or a master key in base64. */
export interface SignatureRow {
  readonly key_id: string;
  readonly signer: string;
  readonly signer_key_id: string;
  readonly signature: string;
}

const MOST_DEVICES = 1_000;
const MOST_SIGNATURES = 10_000;

const ofUserStatement = sql(
  `SELECT device_keys.device_id AS device_id, keys, display_name FROM device_keys
   LEFT JOIN devices ON devices.user_id = device_keys.user_id AND devices.device_id = device_keys.device_id
   WHERE device_keys.user_id = ? ORDER BY device_keys.device_id LIMIT ${MOST_DEVICES}`,
);
const keysOfDevice = sql(`SELECT keys FROM device_keys WHERE user_id = ? AND device_id = ?`);
const insertKeys = sql(
  `INSERT INTO device_keys (user_id, device_id, keys) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);
const replaceKeys = sql(`UPDATE device_keys SET keys = ? WHERE user_id = ? AND device_id = ? AND keys = ?`);
const crossSigningKeys = sql(`SELECT usage, key FROM cross_signing_keys WHERE user_id = ?`);
const upsertCrossSigning = sql(
  `INSERT INTO cross_signing_keys (user_id, usage, key) VALUES (?, ?, ?)
   ON CONFLICT (user_id, usage) DO UPDATE SET key = excluded.key`,
);
const insertFirstMaster = sql(
  `INSERT INTO cross_signing_keys (user_id, usage, key) VALUES (?, 'master', ?) ON CONFLICT DO NOTHING`,
);
const visibleSignatures = sql(
  `SELECT key_id, signer, signer_key_id, signature FROM key_signatures
   WHERE user_id = ? AND signer IN (?, ?) LIMIT ${MOST_SIGNATURES}`,
);
const upsertSignature = sql(
  `INSERT INTO key_signatures (user_id, key_id, signer, signer_key_id, signature) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT (user_id, key_id, signer, signer_key_id) DO UPDATE SET signature = excluded.signature`,
);
const dropSignaturesOf = sql(`DELETE FROM key_signatures WHERE user_id = ? AND key_id = ?`);

/** Keys of the user's devices, at most 1,000. */
export function ofUser(reader: Reader, userId: UserId): Promise<DeviceKeysRow[]> {
  return reader.all<DeviceKeysRow>(ofUserStatement, userId);
}

/** Keys of one device as JSON text, or undefined. */
export async function ofDevice(
  reader: Reader,
  userId: UserId,
  deviceId: DeviceId,
): Promise<string | undefined> {
  return (await reader.get<{ keys: string }>(keysOfDevice, userId, deviceId))?.keys;
}

/**
 * Sets the keys of a device.
 *
 * @param before the keys that it had, undefined for none: the unit fails when it has others by now.
 */
export function put(
  writer: Writer,
  device: { readonly userId: UserId; readonly deviceId: DeviceId },
  keys: string,
  before: string | undefined,
): void {
  if (before === undefined) writer.guard(insertKeys, device.userId, device.deviceId, keys);
  else writer.guard(replaceKeys, keys, device.userId, device.deviceId, before);
}

/** The user's cross-signing keys. */
export function crossSigning(reader: Reader, userId: UserId): Promise<CrossSigningRow[]> {
  return reader.all<CrossSigningRow>(crossSigningKeys, userId);
}

/** Whether one of the user's cross-signing keys is named `ed25519:` and this. */
export async function isCrossSigningKey(reader: Reader, userId: UserId, name: string): Promise<boolean> {
  const rows = await crossSigning(reader, userId);
  return rows.some(({ key }) => {
    const { keys } = JSON.parse(key) as { keys: Record<string, string> };
    return Object.hasOwn(keys, `ed25519:${name}`);
  });
}

/** Sets a cross-signing key. */
export function putCrossSigning(writer: Writer, userId: UserId, usage: KeyUsage, key: string): void {
  writer.run(upsertCrossSigning, userId, usage, key);
}

/** Sets the user's first master key; the unit fails when there is one. */
export function putFirstMaster(writer: Writer, userId: UserId, key: string): void {
  writer.guard(insertFirstMaster, userId, key);
}

/** Signatures on the user's keys that one may see: the user's own, and the viewer's. At most 10,000. */
export function signatures(reader: Reader, userId: UserId, viewer: string): Promise<SignatureRow[]> {
  return reader.all<SignatureRow>(visibleSignatures, userId, userId, viewer);
}

/** Adds a signature on a key of the user's. */
export function putSignature(writer: Writer, userId: UserId, row: SignatureRow): void {
  writer.run(upsertSignature, userId, row.key_id, row.signer, row.signer_key_id, row.signature);
}

/** Drops all signatures on a key. */
export function dropSignatures(writer: Writer, userId: UserId, keyId: string): void {
  writer.run(dropSignaturesOf, userId, keyId);
}

import { VerifyKey, verifyJson } from '../../protocol/signing.ts';
import { parseDeviceId, type DeviceId, type UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { KeyUsage } from '../../storage/encryption/device-keys-store.ts';
import type { RemoteKeys } from '../../storage/encryption/remote-device-lists-store.ts';
import { publicKeyOf } from './key-signatures.ts';

const MOST_DEVICES = 1_000;
const LARGEST_KEYS = 65_536;

/** The keys of an answer to GET /user/devices, those that are malformed or for another left out. */
export function parseUserDevices(userId: UserId, answer: JsonObject): RemoteKeys {
  const devices: [DeviceId, string][] = [];
  for (const device of (Array.isArray(answer.devices) ? answer.devices : []).slice(0, MOST_DEVICES)) {
    if (!isJsonObject(device) || typeof device.device_id !== 'string') continue;
    const text = deviceKeysText(userId, device.device_id, device.keys, device.device_display_name);
    if (text !== undefined) devices.push([device.device_id as DeviceId, text]);
  }
  return { devices, crossSigning: parseCrossSigning(userId, answer) };
}

/** A device's keys as text to be kept, with its name; undefined for what is malformed or for another device. */
export function deviceKeysText(
  userId: UserId,
  deviceId: string,
  keys: JsonValue | undefined,
  displayName: JsonValue | undefined,
): string | undefined {
  if (parseDeviceId(deviceId) === undefined || !isJsonObject(keys)) return undefined;
  if (keys.user_id !== userId || keys.device_id !== deviceId) return undefined;
  const unsigned = typeof displayName === 'string' ? { device_display_name: displayName.slice(0, 255) } : {};
  const text = JSON.stringify({ ...keys, unsigned });
  return text.length > LARGEST_KEYS ? undefined : text;
}

/** What an update says of a user's cross-signing keys. */
export interface SigningUpdate {
  /** Those that are what they should be. */
  readonly keys: readonly (readonly [KeyUsage, string])[];
  /** Whether the master key is another than before, which has not signed the self-signing key of before. */
  readonly isMasterNew: boolean;
  /** Whether all that was given is among the keys: otherwise the user's server has to be asked. */
  readonly isWhole: boolean;
}

/**
 * Reads the content of m.signing_key_update (Server-Server API, "End-to-End Encryption"), which has the keys that changed:
 * a self-signing key by itself is to be signed by the master key that is known.
 */
export function parseSigningUpdate(
  userId: UserId,
  content: JsonObject,
  known: JsonObject | undefined,
): SigningUpdate {
  const master = content.master_key ?? known;
  const isAlone = content.master_key === undefined || content.master_key === null;
  const found = parseCrossSigning(userId, { ...content, master_key: master });
  const keys = isAlone ? found.filter(([usage]) => usage !== 'master') : found;
  const given = [content.master_key, content.self_signing_key].filter((key) => isJsonObject(key));
  const isMasterNew = keys.some(([usage]) => usage === 'master') && !isSameKey(master, known);
  return { keys, isMasterNew, isWhole: keys.length > 0 && keys.length === given.length };
}

function isSameKey(one: JsonValue | undefined, other: JsonObject | undefined): boolean {
  return isJsonObject(one) && other !== undefined && publicKeyOf(one) === publicKeyOf(other);
}

/** Master and self-signing key of an answer or update, where they are what they should be. */
function parseCrossSigning(
  userId: UserId,
  from: { readonly [key: string]: JsonValue | undefined },
): (readonly [KeyUsage, string])[] {
  const found: (readonly [KeyUsage, string])[] = [];
  const { master_key: master, self_signing_key: selfSigning } = from;
  if (!isJsonObject(master) || !isKeyOf(userId, master, 'master')) return found;
  found.push(['master', JSON.stringify(master)]);
  if (!isJsonObject(selfSigning) || !isKeyOf(userId, selfSigning, 'self_signing')) return found;
  const publicKey = publicKeyOf(master);
  if (!verifyJson(selfSigning, userId, `ed25519:${publicKey}`, VerifyKey.of(publicKey))) return found;
  found.push(['self_signing', JSON.stringify(selfSigning)]);
  return found;
}

function isKeyOf(userId: UserId, key: JsonObject, usage: KeyUsage): boolean {
  if (key.user_id !== userId || !Array.isArray(key.usage) || !key.usage.includes(usage)) return false;
  const publicKey = publicKeyOf(key);
  if (!isJsonObject(key.keys) || key.keys[`ed25519:${publicKey}`] !== publicKey) return false;
  try {
    VerifyKey.of(publicKey);
    return JSON.stringify(key).length <= LARGEST_KEYS;
  } catch (error) {
    if (error instanceof MatrixError) return false;
    throw error;
  }
}

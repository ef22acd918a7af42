import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { ServerName, UserId } from '../../protocol/identifiers.ts';
import { serverNameOf } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { invalidParam } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import * as deviceKeysStore from '../../storage/device-keys-store.ts';
import type { CrossSigningRow, SignatureRow } from '../../storage/device-keys-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { DeviceLists } from './device-lists.ts';
import type { DeviceOfUser, KeysById, OneTimeKeys } from './one-time-keys.ts';

/** What a device uploads. */
export interface KeyUpload {
  readonly deviceKeys: JsonObject | undefined;
  readonly oneTimeKeys: KeysById;
  readonly fallbackKeys: KeysById;
}

/** Answer of POST /keys/query. */
export interface QueriedKeys extends JsonObject {
  device_keys: JsonObject;
  master_keys: JsonObject;
  self_signing_keys: JsonObject;
  user_signing_keys: JsonObject;
  failures: JsonObject;
}

/** Identity keys of devices (Client-Server API, "Device keys" and "Key Management API"). */
export class DeviceKeys {
  readonly #database: Database;
  readonly #lists: DeviceLists;
  readonly #oneTimeKeys: OneTimeKeys;
  readonly #serverName: ServerName;

  constructor(needs: {
    database: Database;
    lists: DeviceLists;
    oneTimeKeys: OneTimeKeys;
    serverName: ServerName;
  }) {
    this.#database = needs.database;
    this.#lists = needs.lists;
    this.#oneTimeKeys = needs.oneTimeKeys;
    this.#serverName = needs.serverName;
  }

  /**
   * Keeps what a device uploads, and tells those who share a room with the user when its identity keys are new.
   *
   * @throws MatrixError 400 for keys of another user or device, and as `OneTimeKeys.add`.
   */
  async upload(device: DeviceOfUser, upload: KeyUpload): Promise<void> {
    const unit = new UnitOfWork();
    await this.putIdentity(unit, device, upload.deviceKeys);
    await this.#oneTimeKeys.add(unit, device, upload.oneTimeKeys, upload.fallbackKeys);
    await this.#database.commit(unit);
  }

  /** Adds identity keys to a unit of work, if they are new. 400 for those of another user or device. */
  async putIdentity(unit: UnitOfWork, device: DeviceOfUser, keys: JsonObject | undefined): Promise<void> {
    if (keys === undefined) return;
    const { userId, deviceId } = device;
    if (keys.user_id !== userId || keys.device_id !== deviceId) {
      throw invalidParam(`"device_keys" must be those of ${userId} and device ${deviceId}`);
    }
    const { unsigned: _, ...signed } = keys;
    const text = canonicalJson(signed, { strict: false });
    if ((await deviceKeysStore.ofDevice(this.#database, userId, deviceId)) === text) return;
    deviceKeysStore.put(unit, userId, deviceId, text);
    await this.#lists.announce(unit, userId);
  }

  /**
   * Keys of users as the viewer may see them.
   *
   * @param wanted devices by user; an empty list asks for all.
   */
  async query(viewer: UserId, wanted: ReadonlyMap<UserId, readonly string[]>): Promise<QueriedKeys> {
    const answer: QueriedKeys = {
      device_keys: {},
      master_keys: {},
      self_signing_keys: {},
      user_signing_keys: {},
      failures: {},
    };
    for (const [userId, devices] of wanted) {
      const server = serverNameOf(userId);
      if (server === this.#serverName) await this.#ofUser(answer, viewer, userId, devices);
      else answer.failures[server] = {};
    }
    return answer;
  }

  async #ofUser(
    answer: QueriedKeys,
    viewer: UserId,
    userId: UserId,
    devices: readonly string[],
  ): Promise<void> {
    const [rows, crossSigning, signatures] = await Promise.all([
      deviceKeysStore.ofUser(this.#database, userId),
      deviceKeysStore.crossSigning(this.#database, userId),
      deviceKeysStore.signatures(this.#database, userId, viewer),
    ]);
    const found: JsonObject = {};
    for (const row of rows) {
      if (devices.length > 0 && !devices.includes(row.device_id)) continue;
      const keys = withSignatures(JSON.parse(row.keys) as JsonObject, row.device_id, signatures);
      keys.unsigned = row.display_name === null ? {} : { device_display_name: row.display_name };
      found[row.device_id] = keys;
    }
    answer.device_keys[userId] = found;
    for (const row of crossSigning) {
      if (row.usage === 'user_signing' && viewer !== userId) continue;
      answer[`${row.usage}_keys`][userId] = crossSigningKey(row, signatures);
    }
  }
}

/** A cross-signing key with the signatures that were added to it. */
export function crossSigningKey(row: CrossSigningRow, signatures: readonly SignatureRow[]): JsonObject {
  const key = JSON.parse(row.key) as JsonObject;
  return withSignatures(key, publicKeyOf(key), signatures);
}

/** The public key, in base64, of a cross-signing key: it has one, and is named for it. */
export function publicKeyOf(key: JsonObject): string {
  const [id = ''] = Object.keys(isJsonObject(key.keys) ? key.keys : {});
  return id.slice(id.indexOf(':') + 1);
}

function withSignatures(key: JsonObject, keyId: string, rows: readonly SignatureRow[]): JsonObject {
  const signatures: JsonObject = isJsonObject(key.signatures) ? { ...key.signatures } : {};
  for (const row of rows) {
    if (row.key_id !== keyId) continue;
    const before = signatures[row.signer];
    signatures[row.signer] = { ...(isJsonObject(before) ? before : {}), [row.signer_key_id]: row.signature };
  }
  return { ...key, signatures };
}

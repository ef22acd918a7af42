import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { forbidden, invalidParam, MatrixError } from '../../protocol/matrix-error.ts';
import { VerifyKey, verifyJson } from '../../protocol/signing.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as devicesStore from '../../storage/accounts/devices-store.ts';
import * as deviceKeysStore from '../../storage/encryption/device-keys-store.ts';
import type { KeyUsage, SignatureRow } from '../../storage/encryption/device-keys-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { KeyUpdate } from './device-list-edus.ts';
import type { DeviceLists } from './device-lists.ts';
import { isSame, publicKeyOf, withoutSignatures, withSignatures } from './key-signatures.ts';

/** Cross-signing keys by what they are for. */
export type CrossSigningKeys = Readonly<Partial<Record<KeyUsage, JsonObject>>>;

const USAGES = ['master', 'self_signing', 'user_signing'] as const;

/** Keys by which people vouch for their devices (Client-Server API, "Cross-signing"). */
export class CrossSigning {
  readonly #database: Database;
  readonly #lists: DeviceLists;

  constructor(database: Database, lists: DeviceLists) {
    this.#database = database;
    this.#lists = lists;
  }

  /**
   * Sets the user's first cross-signing keys. The same ones again change nothing, nor do none: some clients ask so
   * whether they need more than an access token.
   *
   * @returns false when there are others already: to replace them takes more proof than an access token.
   * @throws MatrixError as `upload`.
   */
  async uploadFirst(userId: UserId, keys: CrossSigningKeys): Promise<boolean> {
    if (Object.keys(keys).length === 0) return true;
    const stored = await this.stored(userId);
    if (stored.master !== undefined) {
      return !USAGES.some((usage) => keys[usage] !== undefined && !isSame(keys[usage], stored[usage]));
    }
    try {
      await this.#put(userId, keys, true);
      return true;
    } catch (error) {
      if (error instanceof GuardFailed) return false;
      throw error;
    }
  }

  /** The user's cross-signing keys as they were uploaded. */
  async stored(userId: UserId): Promise<CrossSigningKeys> {
    const rows = await deviceKeysStore.crossSigning(this.#database, userId);
    return Object.fromEntries(rows.map((row) => [row.usage, JSON.parse(row.key) as JsonObject]));
  }

  /**
   * Sets cross-signing keys for a user who proved more than an access token.
   *
   * @throws MatrixError 400 for malformed keys, signatures that are not right, or no master key (M_MISSING_PARAM); 403 for a
   *   key that is the ID of a device.
   */
  upload(userId: UserId, keys: CrossSigningKeys): Promise<void> {
    return this.#put(userId, keys, false);
  }

  async #put(userId: UserId, keys: CrossSigningKeys, mustBeFirst: boolean): Promise<void> {
    const stored = await this.stored(userId);
    for (const usage of USAGES) if (keys[usage]) checkForm(userId, usage, keys[usage]);
    const master = keys.master ?? stored.master;
    if (!master)
      throw new MatrixError(400, 'M_MISSING_PARAM', 'A master key must be given: there is none yet');
    for (const usage of ['self_signing', 'user_signing'] as const) {
      if (keys[usage]) checkSigned(userId, usage, keys[usage], master);
    }
    const unit = new UnitOfWork();
    let changes = false;
    for (const usage of USAGES) {
      const key = keys[usage];
      if (!key || isSame(key, stored[usage])) continue;
      await this.#assertNoDevice(userId, key);
      changes = true;
      const text = JSON.stringify(key);
      if (usage === 'master' && mustBeFirst) deviceKeysStore.putFirstMaster(unit, userId, text);
      else deviceKeysStore.putCrossSigning(unit, userId, usage, text);
      if (usage === 'master' && stored.master) {
        deviceKeysStore.dropSignatures(unit, userId, publicKeyOf(stored.master));
      }
    }
    if (!changes) return;
    const told = { masterKey: master, selfSigningKey: keys.self_signing ?? stored.self_signing };
    await this.#lists.announce(unit, userId, [told]);
    await this.#database.commit(unit);
  }

  /** Signatures name devices and keys by the same: 403 for a key that is the ID of one of the user's devices. */
  async #assertNoDevice(userId: UserId, key: JsonObject): Promise<void> {
    const deviceId = publicKeyOf(key) as DeviceId;
    if (!(await devicesStore.byId(this.#database, userId, deviceId))) return;
    throw forbidden(`The key ${deviceId} is the ID of one of your devices: make another key`);
  }

  /**
   * Adds signatures that a user made: on own devices and the own master key, and on master keys of others.
   *
   * @param uploads signed keys by user and key: a device ID, or a master key in base64.
   * @returns what went wrong, by user and key.
   */
  async addSignatures(
    signer: UserId,
    uploads: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>,
  ): Promise<Record<string, Record<string, JsonObject>>> {
    const failures: Record<string, Record<string, JsonObject>> = {};
    const unit = new UnitOfWork();
    const own = await this.stored(signer);
    const changed = new Set<UserId>();
    const updates: KeyUpdate[] = [];
    for (const [userId, keys] of Object.entries(uploads)) {
      for (const [keyId, signed] of Object.entries(keys)) {
        try {
          const update = await this.#addSignature(unit, { signer, own }, userId as UserId, keyId, signed);
          if (userId === signer) updates.push(update);
          changed.add(userId as UserId);
        } catch (error) {
          if (!(error instanceof MatrixError)) throw error;
          (failures[userId] ??= {})[keyId] = error.toBody();
        }
      }
    }
    for (const userId of changed) {
      if (userId === signer) await this.#lists.announce(unit, signer, updates);
      else this.#lists.announceTo(unit, signer, userId);
    }
    if (changed.size > 0) await this.#database.commit(unit);
    return failures;
  }

  async #addSignature(
    unit: UnitOfWork,
    { signer, own }: { signer: UserId; own: CrossSigningKeys },
    userId: UserId,
    keyId: string,
    signed: JsonObject,
  ): Promise<KeyUpdate> {
    const target = await this.#target(userId, keyId);
    if (!target || (userId !== signer && target.isDevice)) throw notFoundKey(userId, keyId);
    if (!isSame(withoutSignatures(signed), withoutSignatures(target.key))) {
      throw new MatrixError(400, 'M_INVALID_SIGNATURE', 'This is not the key that was uploaded');
    }
    const bySigner = isJsonObject(signed.signatures) ? signed.signatures[signer] : undefined;
    const verifiers = await this.#verifiers(signer, own, {
      isOwn: userId === signer,
      isDevice: target.isDevice,
    });
    const signatures = Object.entries(isJsonObject(bySigner) ? bySigner : {});
    const added: SignatureRow[] = [];
    for (const [signerKeyId, signature] of signatures) {
      const verifier = await verifiers(signerKeyId);
      if (verifier === undefined || typeof signature !== 'string') continue;
      if (!verifyJson(signed, signer, signerKeyId, VerifyKey.of(verifier))) continue;
      const row = { key_id: keyId, signer, signer_key_id: signerKeyId, signature };
      deviceKeysStore.putSignature(unit, userId, row);
      added.push(row);
    }
    if (added.length === 0) {
      throw new MatrixError(
        400,
        'M_INVALID_SIGNATURE',
        'There is no valid signature of a key that may sign this',
      );
    }
    const before = await deviceKeysStore.signatures(this.#database, userId, userId);
    const keys = withSignatures(target.key, keyId, [...before, ...added]);
    if (!target.isDevice) return { masterKey: keys, selfSigningKey: own.self_signing };
    const deviceId = keyId as DeviceId;
    const name = (await devicesStore.byId(this.#database, userId, deviceId))?.display_name ?? undefined;
    return { deviceId, keys, displayName: name };
  }

  /** The key that is signed, as it was uploaded. */
  async #target(userId: UserId, keyId: string): Promise<{ key: JsonObject; isDevice: boolean } | undefined> {
    const { master } = await this.stored(userId);
    if (master && publicKeyOf(master) === keyId) return { key: master, isDevice: false };
    const device = await deviceKeysStore.ofDevice(this.#database, userId, keyId as DeviceId);
    return device === undefined ? undefined : { key: JSON.parse(device) as JsonObject, isDevice: true };
  }

  /**
   * Which keys may sign: the self-signing key own devices, own devices the own master key, the user-signing key master
   * keys of others. Gives the public key of a key ID.
   */
  async #verifiers(
    signer: UserId,
    own: CrossSigningKeys,
    target: { isOwn: boolean; isDevice: boolean },
  ): Promise<(keyId: string) => Promise<string | undefined>> {
    const single = target.isOwn ? own.self_signing : own.user_signing;
    if (!target.isOwn || target.isDevice) {
      const key = single && publicKeyOf(single);
      return (keyId) => Promise.resolve(key !== undefined && keyId === `ed25519:${key}` ? key : undefined);
    }
    return async (keyId) => {
      const deviceId = keyId.slice(keyId.indexOf(':') + 1) as DeviceId;
      const text = await deviceKeysStore.ofDevice(this.#database, signer, deviceId);
      const keys = text === undefined ? undefined : (JSON.parse(text) as JsonObject).keys;
      const key = isJsonObject(keys) ? keys[keyId] : undefined;
      return typeof key === 'string' ? key : undefined;
    };
  }
}

/** 400 unless it is a key of the user's, for the usage, with one Ed25519 key that is named for itself. */
function checkForm(userId: UserId, usage: KeyUsage, key: JsonObject): void {
  const wrong = (what: string) => invalidParam(`"${usage}_key" ${what}`);
  if (key.user_id !== userId) throw wrong(`must have the user_id ${userId}`);
  if (!Array.isArray(key.usage) || !key.usage.includes(usage)) throw wrong(`must have the usage ${usage}`);
  const entries = Object.entries(isJsonObject(key.keys) ? key.keys : {});
  const [id, value] = entries[0] ?? [];
  if (entries.length !== 1 || typeof value !== 'string' || id !== `ed25519:${value}`) {
    throw wrong('must have one key, named "ed25519:" and the key itself in unpadded base64');
  }
  VerifyKey.of(value);
}

function checkSigned(userId: UserId, usage: KeyUsage, key: JsonObject, master: JsonObject): void {
  const publicKey = publicKeyOf(master);
  if (!verifyJson(key, userId, `ed25519:${publicKey}`, VerifyKey.of(publicKey))) {
    throw new MatrixError(400, 'M_INVALID_SIGNATURE', `"${usage}_key" is not signed by the master key`);
  }
}

function notFoundKey(userId: UserId, keyId: string): MatrixError {
  return new MatrixError(
    404,
    'M_NOT_FOUND',
    `${userId} has no key ${JSON.stringify(keyId.slice(0, 100))} to sign`,
  );
}

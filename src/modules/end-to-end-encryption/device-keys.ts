import { unknownToken } from '../../accounts/token-issuing.ts';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { ServerName, UserId } from '../../protocol/identifiers.ts';
import { serverNameOf } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { invalidParam, notFound } from '../../protocol/matrix-error.ts';
import { commitDecided } from '../../storage/commit-decided.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as deviceKeysStore from '../../storage/encryption/device-keys-store.ts';
import * as streamsStore from '../../storage/encryption/device-list-streams-store.ts';
import * as devicesStore from '../../storage/accounts/devices-store.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { DeviceLists } from './device-lists.ts';
import {
  crossSigningKey,
  isSame,
  publicKeyOf,
  withoutSignatures,
  withSignatures,
  withSignaturesOf,
} from './key-signatures.ts';
import type { DeviceOfUser, KeysById, OneTimeKeys } from './one-time-keys.ts';
import type { RemoteKeyQueries } from './remote-key-queries.ts';

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
  readonly #remote: RemoteKeyQueries;

  constructor(needs: {
    database: Database;
    lists: DeviceLists;
    oneTimeKeys: OneTimeKeys;
    serverName: ServerName;
    remote: RemoteKeyQueries;
  }) {
    this.#database = needs.database;
    this.#lists = needs.lists;
    this.#oneTimeKeys = needs.oneTimeKeys;
    this.#serverName = needs.serverName;
    this.#remote = needs.remote;
  }

  /**
   * Keeps what a device uploads, and tells those who share a room with the user when its identity keys are new.
   *
   * @throws MatrixError 400 for keys of another user or device, 401 when the device was ended meanwhile, and as
   *   `OneTimeKeys.add`.
   */
  async upload(device: DeviceOfUser, upload: KeyUpload): Promise<void> {
    const committed = commitDecided(this.#database, async () => {
      const unit = new UnitOfWork();
      devicesStore.mustBeThere(unit, device.userId, device.deviceId);
      await this.putIdentity(unit, device, upload.deviceKeys);
      await this.#oneTimeKeys.add(unit, device, upload.oneTimeKeys, upload.fallbackKeys);
      return unit;
    });
    // Decided while nobody else commits, it can fail at the device alone.
    await committed.catch((error: unknown) => {
      throw error instanceof GuardFailed ? unknownToken('The device was ended', false) : error;
    });
  }

  /**
   * Adds identity keys to a unit of work, if they are new; the unit fails when others were first. Keys that are uploaded
   * again keep all signatures they have: clients upload once more what the signatures of their owner are not yet on.
   *
   * @returns whether these are the keys that the device had before, if it had any.
   * @throws MatrixError 400 M_INVALID_PARAM for keys of another user or device.
   */
  async putIdentity(unit: UnitOfWork, device: DeviceOfUser, keys: JsonObject | undefined): Promise<boolean> {
    if (keys === undefined) return true;
    const { userId, deviceId } = device;
    if (keys.user_id !== userId || keys.device_id !== deviceId) {
      throw invalidParam(`"device_keys" must be those of ${userId} and device ${deviceId}`);
    }
    const before = await deviceKeysStore.ofDevice(this.#database, userId, deviceId);
    const known = before === undefined ? undefined : (JSON.parse(before) as JsonObject);
    const isAgain = isSame(withoutSignatures(keys), known && withoutSignatures(known));
    const { unsigned: _, ...uploaded } = isAgain ? withSignaturesOf(keys, known) : keys;
    const text = canonicalJson(uploaded, { strict: false });
    if (text === before) return true;
    deviceKeysStore.put(unit, device, text, before);
    let signed: JsonObject = uploaded;
    if (isAgain) {
      const added = await deviceKeysStore.signatures(this.#database, userId, userId);
      signed = withSignatures(uploaded, deviceId, added);
    } else deviceKeysStore.dropSignatures(unit, userId, deviceId);
    const name = (await devicesStore.byId(this.#database, userId, deviceId))?.display_name ?? undefined;
    await this.#lists.announce(unit, userId, [{ deviceId, keys: signed, displayName: name }]);
    return isAgain;
  }

  /**
   * Keys of users as the viewer may see them; those of other servers are asked for where they are not known.
   *
   * @param wanted devices by user; an empty list asks for all.
   * @param timeoutMs how long other servers have to answer, each.
   */
  async query(
    viewer: UserId,
    wanted: ReadonlyMap<UserId, readonly string[]>,
    timeoutMs?: number,
  ): Promise<QueriedKeys> {
    const elsewhere = new Map([...wanted].filter(([userId]) => serverNameOf(userId) !== this.#serverName));
    const remote = elsewhere.size === 0 ? undefined : await this.#remote.query(elsewhere, timeoutMs);
    const answer = await this.#answer(viewer, wanted, (userId) => !elsewhere.has(userId));
    if (!remote) return answer;
    for (const userId of remote.kept) await this.#ofUser(answer, viewer, userId, wanted.get(userId) ?? []);
    for (const { users, body } of remote.answers) {
      addAnswer(answer, users, body);
      for (const userId of users) await this.#addViewerSignatures(answer, viewer, userId);
    }
    answer.failures = remote.failures;
    return answer;
  }

  /** As `query`, of people here only and for everybody: what another server may know. */
  async queryLocal(wanted: ReadonlyMap<UserId, readonly string[]>): Promise<Partial<QueriedKeys>> {
    const isLocal = (userId: UserId) => serverNameOf(userId) === this.#serverName;
    const all = await this.#answer(undefined, wanted, isLocal);
    const { device_keys, master_keys, self_signing_keys } = all;
    return { device_keys, master_keys, self_signing_keys };
  }

  /** Everything about a user's devices that other servers follow (GET /user/devices). 404 for an unknown user. */
  async devicesOf(userId: UserId): Promise<JsonObject> {
    const user = await usersStore.byId(this.#database, userId);
    if (!user) throw notFound(`There is no user ${userId}`);
    const streamId = await streamsStore.newestOf(this.#database, userId);
    const { device_keys: keys, ...crossSigning } = await this.queryLocal(new Map([[userId, []]]));
    const ofUser = keys?.[userId];
    const devices = Object.entries(isJsonObject(ofUser) ? ofUser : {}).map(([deviceId, one]) => {
      const { unsigned, ...signed } = one as JsonObject;
      const name = isJsonObject(unsigned) ? unsigned.device_display_name : undefined;
      return {
        device_id: deviceId,
        keys: signed,
        ...(name === undefined ? {} : { device_display_name: name }),
      };
    });
    const answer: JsonObject = { user_id: userId, stream_id: streamId, devices };
    const { master_keys: master, self_signing_keys: selfSigning } = crossSigning;
    if (master?.[userId] !== undefined) answer.master_key = master[userId];
    if (selfSigning?.[userId] !== undefined) answer.self_signing_key = selfSigning[userId];
    return answer;
  }

  async #answer(
    viewer: UserId | undefined,
    wanted: ReadonlyMap<UserId, readonly string[]>,
    isWanted: (userId: UserId) => boolean,
  ): Promise<QueriedKeys> {
    const answer: QueriedKeys = {
      device_keys: {},
      master_keys: {},
      self_signing_keys: {},
      user_signing_keys: {},
      failures: {},
    };
    for (const [userId, devices] of wanted) {
      if (isWanted(userId)) await this.#ofUser(answer, viewer, userId, devices);
    }
    return answer;
  }

  /** What the viewer signed of a user's master key is known here alone. */
  async #addViewerSignatures(answer: QueriedKeys, viewer: UserId, userId: UserId): Promise<void> {
    const master = answer.master_keys[userId];
    if (!isJsonObject(master)) return;
    const signatures = await deviceKeysStore.signatures(this.#database, userId, viewer);
    answer.master_keys[userId] = withSignatures(master, publicKeyOf(master), signatures);
  }

  async #ofUser(
    answer: QueriedKeys,
    viewer: UserId | undefined,
    userId: UserId,
    devices: readonly string[],
  ): Promise<void> {
    const [rows, crossSigning, signatures] = await Promise.all([
      deviceKeysStore.ofUser(this.#database, userId),
      deviceKeysStore.crossSigning(this.#database, userId),
      deviceKeysStore.signatures(this.#database, userId, viewer ?? userId),
    ]);
    const found: JsonObject = {};
    for (const row of rows) {
      if (devices.length > 0 && !devices.includes(row.device_id)) continue;
      const keys = withSignatures(JSON.parse(row.keys) as JsonObject, row.device_id, signatures);
      keys.unsigned ??= {};
      if (row.display_name !== null) keys.unsigned = { device_display_name: row.display_name };
      found[row.device_id] = keys;
    }
    answer.device_keys[userId] = found;
    for (const row of crossSigning) {
      if (row.usage === 'user_signing' && viewer !== userId) continue;
      answer[`${row.usage}_keys`][userId] = crossSigningKey(row, signatures);
    }
  }
}

/** Adds what a server said of some of its users. What it says of others is left out. */
function addAnswer(answer: QueriedKeys, users: ReadonlySet<UserId>, body: JsonObject): void {
  for (const part of ['device_keys', 'master_keys', 'self_signing_keys'] as const) {
    const ofServer = body[part];
    for (const [userId, keys] of Object.entries(isJsonObject(ofServer) ? ofServer : {})) {
      if (users.has(userId as UserId) && isJsonObject(keys)) answer[part][userId] = keys;
    }
  }
}

import { userOf, type EduExchange } from '../../federation/edu-exchange.ts';
import type { FederationClient } from '../../federation/federation-client.ts';
import { FederationError } from '../../federation/federation-error.ts';
import { KeyedQueue } from '../../platform/keyed-queue.ts';
import type { Timers } from '../../platform/timers.ts';
import {
  parseDeviceId,
  serverNameOf,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { badJson } from '../../protocol/matrix-error.ts';
import type { PartialRooms } from '../../rooms/state/partial-rooms.ts';
import { membershipChange } from '../../rooms/events/room-changes.ts';
import { GuardFailed, type Change, type Database } from '../../storage/database.ts';
import * as deviceListsStore from '../../storage/encryption/device-lists-store.ts';
import * as deviceKeysStore from '../../storage/encryption/device-keys-store.ts';
import * as remoteStore from '../../storage/encryption/remote-device-lists-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { DeviceLists } from './device-lists.ts';
import { deviceKeysText, parseSigningUpdate, parseUserDevices } from './remote-keys.ts';
import { StaleDeviceLists } from './stale-device-lists.ts';

/**
 * What this server knows of the devices of people on others. A list is fetched when somebody asks for it first, and
 * then kept up to date by the updates that come as long as the user is in a room with somebody here. An update that
 * does not follow the last one makes the list stale: it is fetched anew. No update waits for that: its sender may be
 * who does not answer.
 */
export class RemoteDeviceLists {
  readonly #database: Database;
  readonly #client: FederationClient;
  readonly #exchange: EduExchange;
  readonly #lists: DeviceLists;
  readonly #partial: PartialRooms;
  readonly #onProblem: (error: unknown) => void;
  readonly #stale: StaleDeviceLists;
  readonly #queue = new KeyedQueue();
  readonly #fetches = new KeyedQueue();
  /** Lists that their servers are being asked for; behind, where updates came that may not be in the answer. */
  readonly #underWay = new Map<UserId, { isBehind: boolean }>();
  #isStopped = false;

  constructor(needs: {
    database: Database;
    client: FederationClient;
    exchange: EduExchange;
    lists: DeviceLists;
    partial: PartialRooms;
    timers: Timers;
    onProblem: (error: unknown) => void;
  }) {
    this.#database = needs.database;
    this.#client = needs.client;
    this.#exchange = needs.exchange;
    this.#lists = needs.lists;
    this.#partial = needs.partial;
    this.#onProblem = needs.onProblem;
    this.#stale = new StaleDeviceLists(needs, this);
    needs.exchange.on('m.device_list_update', (origin, content) => this.#update(origin, content));
    needs.exchange.on('m.signing_key_update', (origin, content) => this.#updateSigning(origin, content));
    needs.database.subscribe((changes) => {
      for (const change of changes) this.#note(change);
    });
  }

  /** Begins to fetch what is stale. */
  start(): void {
    this.#stale.start();
  }

  stop(): void {
    this.#isStopped = true;
    this.#stale.stop();
  }

  /** Whether the user's list is known and kept up to date. */
  async isCurrent(userId: UserId): Promise<boolean> {
    const row = await remoteStore.of(this.#database, userId);
    return row?.stale === 0 && (await this.isFollowed(userId));
  }

  /** Whether updates of the user's devices come here. */
  isFollowed(userId: UserId): Promise<boolean> {
    return remoteStore.isFollowed(this.#database, userId);
  }

  /** Where in the log the newest update of the user's devices is, 0 without one. */
  async updatedAt(userId: UserId): Promise<number> {
    return (await deviceListsStore.changedAt(this.#database, userId)) ?? 0;
  }

  /**
   * Fetches the user's list from the user's server and keeps it.
   *
   * @param updatedAt where the newest update was: one after it may not be in the answer.
   * @throws FederationError when that server does not give it.
   */
  fetch(userId: UserId, updatedAt: number, timeoutMs: number): Promise<void> {
    return this.#fetches.run(userId, async () => {
      const underWay = { isBehind: false };
      this.#underWay.set(userId, underWay);
      try {
        const path = `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`;
        const answer = await this.#client.request(serverNameOf(userId), { method: 'GET', path, timeoutMs });
        await this.#queue.run(userId, () => this.#keep(userId, answer, { ...underWay, updatedAt }));
      } finally {
        this.#underWay.delete(userId);
      }
    });
  }

  /** Keeps a list that was fetched; what comes from now on is judged by it. */
  async #keep(
    userId: UserId,
    answer: JsonObject,
    { isBehind, updatedAt }: { isBehind: boolean; updatedAt: number },
  ): Promise<void> {
    this.#underWay.delete(userId);
    const streamId = answer.stream_id;
    if (answer.user_id !== userId || typeof streamId !== 'number' || !Number.isSafeInteger(streamId)) {
      const message = 'The answer about devices is of another user, or without stream_id';
      throw new FederationError(serverNameOf(userId), 'bad-answer', message);
    }
    const unit = new UnitOfWork();
    remoteStore.replace(unit, userId, streamId, parseUserDevices(userId, answer));
    if (isBehind) remoteStore.markStale(unit, userId);
    // Another process may have taken an update meanwhile that is not in the answer.
    else remoteStore.markStaleIfChanged(unit, userId, updatedAt);
    await this.#database.commit(unit);
  }

  async #update(origin: ServerName, content: JsonObject): Promise<void> {
    const userId = userOf(origin, content.user_id);
    const { device_id: deviceId, stream_id: streamId, prev_id: previous } = content;
    const device = typeof deviceId === 'string' ? parseDeviceId(deviceId) : undefined;
    if (device === undefined || typeof streamId !== 'number' || !Number.isSafeInteger(streamId)) {
      throw badJson('"device_id" and "stream_id" must be given');
    }
    await this.#queue.run(userId, async () => {
      const known = await remoteStore.of(this.#database, userId);
      const isFetched = this.#underWay.has(userId);
      if (known?.stale === 0 && streamId === known.stream_id && !isFetched) return;
      // Clients see no device without keys: of a list that nobody asked for, such a one is no news. In a room whose members
      // are yet to come they ask for lists that are not kept here.
      const isKept = this.#partial.count === 0;
      const isWanted = known !== undefined || isFetched;
      if (!isWanted && isKept && content.deleted !== true && content.keys === undefined) return;
      if (!isWanted && !(await this.#mayMatter(userId))) return;
      const unit = new UnitOfWork();
      await this.#lists.announce(unit, userId, []);
      // Some servers count back when a device goes: what seems to be older than the list has it fetched, too.
      const isNewer = known?.stale === 0 && streamId > known.stream_id;
      const follows = isNewer && !isFetched && isKnown(previous, known.stream_id);
      const keys = content.deleted === true ? undefined : content.keys;
      if (known && follows) {
        const text = deviceKeysText(userId, device, keys, content.device_display_name);
        const stream = { before: known.stream_id, after: streamId };
        remoteStore.update(unit, userId, stream, { deviceId: device, keys: text });
      } else if (isWanted) {
        this.#fallBehind(unit, userId);
      }
      await this.#commit(unit, userId);
      if (isWanted && !follows) this.#stale.fetchSoon(userId);
    });
  }

  async #updateSigning(origin: ServerName, content: JsonObject): Promise<void> {
    const userId = userOf(origin, content.user_id);
    await this.#queue.run(userId, async () => {
      const known = await remoteStore.of(this.#database, userId);
      const isFetched = this.#underWay.has(userId);
      if (!known && !isFetched && !(await this.#mayMatter(userId))) return;
      const unit = new UnitOfWork();
      await this.#lists.announce(unit, userId, []);
      const update = known && parseSigningUpdate(userId, content, await this.#masterKey(userId));
      if (update) remoteStore.updateCrossSigning(unit, userId, update.keys, update.isMasterNew);
      const isBehind = isFetched || update?.isWhole === false;
      if (isBehind) this.#fallBehind(unit, userId);
      await this.#database.commit(unit);
      if (isBehind) this.#stale.fetchSoon(userId);
    });
  }

  #fallBehind(unit: UnitOfWork, userId: UserId): void {
    const underWay = this.#underWay.get(userId);
    if (underWay) underWay.isBehind = true;
    remoteStore.markStale(unit, userId);
  }

  async #masterKey(userId: UserId): Promise<JsonObject | undefined> {
    const rows = await deviceKeysStore.crossSigning(this.#database, userId);
    const master = rows.find(({ usage }) => usage === 'master');
    return master && (JSON.parse(master.key) as JsonObject);
  }

  /** Whether anybody here may be in a room with the user: in one whose members are yet to come everybody may be. */
  async #mayMatter(userId: UserId): Promise<boolean> {
    return this.#partial.count > 0 || (await this.isFollowed(userId));
  }

  /** Another process may have taken an update at the same time: then the list is fetched. */
  async #commit(unit: UnitOfWork, userId: UserId): Promise<void> {
    try {
      await this.#database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
      await this.#markStale((stale) => remoteStore.markStale(stale, userId));
      this.#stale.fetchSoon(userId);
    }
  }

  /** When nobody here shares a room with somebody any more, updates cease. */
  #note(change: Change): void {
    const moved = membershipChange(change);
    if (!moved || moved.membership === 'join' || moved.membership === 'invite') return;
    const { roomId, userId } = moved;
    this.#forgetUnfollowed(roomId, userId).catch((error: unknown) => {
      if (!this.#isStopped) this.#onProblem(error);
    });
  }

  async #forgetUnfollowed(roomId: RoomId, userId: UserId): Promise<void> {
    if (!this.#exchange.isOwn(userId)) {
      const known = await remoteStore.of(this.#database, userId);
      if (known?.stale !== 0 || (await this.isFollowed(userId))) return;
      return this.#markStale((unit) => remoteStore.markStale(unit, userId));
    }
    if ((await this.#exchange.servers.of(roomId)).length === 0) return;
    await this.#markStale((unit) => remoteStore.markStaleInRoom(unit, roomId));
  }

  async #markStale(write: (unit: UnitOfWork) => void): Promise<void> {
    const unit = new UnitOfWork();
    write(unit);
    await this.#database.commit(unit);
  }
}

/** Whether an update follows one that is in the list, or is the first of all. */
function isKnown(previous: JsonValue | undefined, streamId: number): boolean {
  if (previous === undefined) return false;
  return Array.isArray(previous) && previous.every((id) => typeof id === 'number' && id <= streamId);
}

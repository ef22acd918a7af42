import { userOf, type EduExchange } from '../../federation/edu-exchange.ts';
import type { FederationClient } from '../../federation/federation-client.ts';
import { FederationError } from '../../federation/federation-error.ts';
import { KeyedQueue } from '../../platform/keyed-queue.ts';
import type { Timer, Timers } from '../../platform/timers.ts';
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
import * as deviceKeysStore from '../../storage/encryption/device-keys-store.ts';
import * as remoteStore from '../../storage/encryption/remote-device-lists-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { DeviceLists } from './device-lists.ts';
import { deviceKeysText, parseSigningUpdate, parseUserDevices } from './remote-keys.ts';

/** How often lists that are behind are asked for again, in milliseconds, and how many at a time. */
const RETRY_MS = 60_000;
const RETRIED = 50;
/** Lists of one server that are fetched at once because updates were missed, and servers that are asked again at once. */
const MOST_RESYNCS = 20;
const MOST_SERVERS = 50;

/**
 * What this server knows of the devices of people on others. A list is fetched when somebody asks for it first, and then
 * kept up to date by the updates that come as long as the user is in a room with somebody here. An update that does not
 * follow the last one makes the list stale: it is fetched anew.
 */
export class RemoteDeviceLists {
  readonly #database: Database;
  readonly #client: FederationClient;
  readonly #exchange: EduExchange;
  readonly #lists: DeviceLists;
  readonly #partial: PartialRooms;
  readonly #timers: Timers;
  readonly #onProblem: (error: unknown) => void;
  readonly #queue = new KeyedQueue();
  /** Users whose lists are being fetched because an update was missed, by server. */
  readonly #resyncs = new Map<ServerName, Set<UserId>>();
  /** Servers that are asked again for lists that are stale. */
  readonly #askedAgain = new Set<ServerName>();
  #retry: Timer | undefined;
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
    this.#timers = needs.timers;
    this.#onProblem = needs.onProblem;
    needs.exchange.on('m.device_list_update', (origin, content) => this.#update(origin, content));
    needs.exchange.on('m.signing_key_update', (origin, content) => this.#updateSigning(origin, content));
    needs.database.subscribe((changes) => {
      for (const change of changes) this.#note(change);
    });
  }

  /** Begins to fetch what is stale. */
  start(): void {
    this.#retryLater();
  }

  stop(): void {
    this.#isStopped = true;
    this.#retry?.cancel();
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

  /**
   * Fetches the user's list from the user's server and keeps it.
   *
   * @throws FederationError when that server does not give it.
   */
  fetch(userId: UserId, timeoutMs: number): Promise<void> {
    return this.#queue.run(userId, async () => {
      const path = `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`;
      const answer = await this.#client.request(serverNameOf(userId), { method: 'GET', path, timeoutMs });
      const streamId = answer.stream_id;
      if (answer.user_id !== userId || typeof streamId !== 'number' || !Number.isSafeInteger(streamId)) {
        const message = 'The answer about devices is of another user, or without stream_id';
        throw new FederationError(serverNameOf(userId), 'bad-answer', message);
      }
      const unit = new UnitOfWork();
      remoteStore.replace(unit, userId, streamId, parseUserDevices(userId, answer));
      await this.#database.commit(unit);
    });
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
      if (known?.stale === 0 && streamId === known.stream_id) return;
      // Clients see no device without keys: of a list that nobody asked for, such a one is no news. In a room whose members
      // are yet to come they ask for lists that are not kept here.
      const isKept = this.#partial.count === 0;
      if (!known && isKept && content.deleted !== true && content.keys === undefined) return;
      if (!known && !(await this.#mayMatter(userId))) return;
      const unit = new UnitOfWork();
      await this.#lists.announce(unit, userId, []);
      // Some servers count back when a device goes: what seems to be older than the list has it fetched, too.
      const isNewer = known?.stale === 0 && streamId > known.stream_id;
      const follows = isNewer && isKnown(previous, known.stream_id);
      const keys = content.deleted === true ? undefined : content.keys;
      if (known && follows) {
        const text = deviceKeysText(userId, device, keys, content.device_display_name);
        const stream = { before: known.stream_id, after: streamId };
        remoteStore.update(unit, userId, stream, { deviceId: device, keys: text });
      } else if (known) {
        remoteStore.markStale(unit, userId);
      }
      await this.#commit(unit, userId);
      if (known && !follows) this.#fetchSoon(userId);
    });
  }

  async #updateSigning(origin: ServerName, content: JsonObject): Promise<void> {
    const userId = userOf(origin, content.user_id);
    await this.#queue.run(userId, async () => {
      const known = await remoteStore.of(this.#database, userId);
      if (!known && !(await this.#mayMatter(userId))) return;
      const unit = new UnitOfWork();
      await this.#lists.announce(unit, userId, []);
      const update = known && parseSigningUpdate(userId, content, await this.#masterKey(userId));
      if (update) remoteStore.updateCrossSigning(unit, userId, update.keys, update.isMasterNew);
      if (update?.isWhole === false) remoteStore.markStale(unit, userId);
      await this.#database.commit(unit);
      if (update?.isWhole === false) this.#fetchSoon(userId);
    });
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
      this.#fetchSoon(userId);
    }
  }

  /** Fetches a list that is stale. Where many are fetched already, it is left to be asked for again with others. */
  #fetchSoon(userId: UserId): void {
    const server = serverNameOf(userId);
    const underWay = this.#resyncs.get(server) ?? new Set<UserId>();
    if (underWay.has(userId) || underWay.size >= MOST_RESYNCS) return;
    this.#resyncs.set(server, underWay.add(userId));
    this.fetch(userId, RETRY_MS)
      .catch((error: unknown) => {
        if (!(error instanceof FederationError) && !this.#isStopped) this.#onProblem(error);
      })
      .finally(() => {
        underWay.delete(userId);
        if (underWay.size === 0) this.#resyncs.delete(server);
      });
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

  #retryLater(): void {
    if (this.#isStopped) return;
    this.#retry = this.#timers.after(RETRY_MS, () => {
      this.#fetchStale()
        .catch(this.#onProblem)
        .finally(() => this.#retryLater());
    });
  }

  /** Asks a server for stale lists, beside other servers: one that is slow holds up none of them. */
  #askAgain(server: ServerName, users: readonly UserId[]): void {
    if (this.#askedAgain.has(server) || this.#askedAgain.size >= MOST_SERVERS) return;
    this.#askedAgain.add(server);
    this.#fetchAll(users)
      .catch((error: unknown) => {
        if (!this.#isStopped) this.#onProblem(error);
      })
      .finally(() => this.#askedAgain.delete(server));
  }

  async #fetchAll(users: readonly UserId[]): Promise<void> {
    for (const userId of users) {
      if (this.#isStopped) return;
      if (await this.isFollowed(userId)) await this.fetch(userId, RETRY_MS).catch(dropFederationError);
      else await this.#markStale((unit) => remoteStore.forget(unit, userId));
    }
  }

  async #fetchStale(): Promise<void> {
    for (let after = ''; ;) {
      const users = await remoteStore.stale(this.#database, after, RETRIED);
      if (this.#isStopped) return;
      for (const [server, ofServer] of Map.groupBy(users, (userId) => serverNameOf(userId)))
        this.#askAgain(server, ofServer);
      const last = users.at(-1);
      if (last === undefined || users.length < RETRIED) return;
      after = last;
    }
  }
}

/** Whether an update follows one that is in the list, or is the first of all. */
function isKnown(previous: JsonValue | undefined, streamId: number): boolean {
  if (previous === undefined) return false;
  return Array.isArray(previous) && previous.every((id) => typeof id === 'number' && id <= streamId);
}

function dropFederationError(error: unknown): void {
  if (!(error instanceof FederationError)) throw error;
}

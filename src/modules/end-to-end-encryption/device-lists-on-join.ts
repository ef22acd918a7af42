import type { EduExchange } from '../../federation/edu-exchange.ts';
import type { Timer, Timers } from '../../platform/timers.ts';
import type { RoomId, ServerName, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { eventChange, membershipChange } from '../../rooms/room-changes.ts';
import type { RoomReads } from '../../rooms/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import * as deviceKeysStore from '../../storage/device-keys-store.ts';
import * as streamsStore from '../../storage/device-list-streams-store.ts';
import * as devicesStore from '../../storage/devices-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import * as untoldJoinsStore from '../../storage/untold-joins-store.ts';
import { withSignatures } from './key-signatures.ts';

/** Devices that servers are told of; who has more has their list fetched when it is needed. */
const MOST_DEVICES = 100;
/** How often it is looked for joins of which nobody was told, in milliseconds, and how many are taken at a time. */
const SWEEP_MS = 60_000;
const SWEPT = 100;
/** How long joins of which nobody need be told stay noted, in milliseconds: they are crossed out together. */
const CROSSED_OUT_AFTER_MS = 2_000;

/**
 * Tells servers that a user begins to share a room with of the devices that the user has (Server-Server API, "Device
 * Management"): so far they got no updates of them. Each join is noted with its event, so that a process that ends before it
 * told of it leaves that to another.
 */
export class DeviceListsOnJoin {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #exchange: EduExchange;
  readonly #timers: Timers;
  readonly #onProblem: (error: unknown) => void;
  /** Joins that are noted still, though nobody need be told of them, by user and room. */
  readonly #needless = new Map<string, untoldJoinsStore.UntoldJoin>();
  #crossingOut: Timer | undefined;
  #sweep: Timer | undefined;
  #isStopped = false;

  constructor(needs: {
    database: Database;
    rooms: RoomReads;
    exchange: EduExchange;
    timers: Timers;
    onProblem: (error: unknown) => void;
  }) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.#exchange = needs.exchange;
    this.#timers = needs.timers;
    this.#onProblem = needs.onProblem;
    needs.database.subscribe((changes) => {
      for (const change of changes) {
        const moved = membershipChange(change);
        if (!moved || !this.#exchange.isOwn(moved.userId)) continue;
        // Who leaves and comes back is looked at anew.
        this.#needless.delete(`${moved.userId} ${moved.roomId}`);
        if (moved.membership !== 'join' || change.local === undefined) continue;
        if (change.topic === 'event' && eventChange(change)?.untold !== true) continue;
        this.announce(moved.userId, moved.roomId).catch((error: unknown) => this.#fail(error));
      }
    });
  }

  /** Begins to tell of what other processes, or this one before, left untold. */
  start(): void {
    this.#tellAll()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        if (!this.#isStopped) this.#sweep = this.#timers.after(SWEEP_MS, () => this.start());
      });
  }

  stop(): void {
    this.#isStopped = true;
    this.#sweep?.cancel();
    this.#crossingOut?.cancel();
  }

  /** The user may have joined a room. Servers that are in another room of the user's know the devices already. */
  async announce(userId: UserId, joined: RoomId): Promise<void> {
    if (!(await untoldJoinsStore.isNoted(this.#database, userId, joined))) return;
    const fresh = await this.#newTo(userId, joined);
    if (fresh.length === 0) return this.#crossOutSoon({ user_id: userId, room_id: joined });
    const unit = new UnitOfWork();
    untoldJoinsStore.forget(unit, userId, joined);
    for (const content of await this.#updates(userId)) {
      this.#exchange.store(unit, fresh, 'm.device_list_update', content);
    }
    await this.#database.commit(unit);
  }

  /** The servers in a room that are in no other room of the user's. */
  async #newTo(userId: UserId, joined: RoomId): Promise<ServerName[]> {
    const rooms = await this.#rooms.joinedRooms(userId);
    if (!rooms.has(joined)) return [];
    const fresh = new Set(await this.#exchange.servers.of(joined));
    for (const roomId of rooms) {
      if (fresh.size === 0) break;
      if (roomId === joined) continue;
      for (const server of await this.#exchange.servers.of(roomId)) fresh.delete(server);
    }
    return [...fresh];
  }

  #crossOutSoon(join: untoldJoinsStore.UntoldJoin): void {
    this.#needless.set(`${join.user_id} ${join.room_id}`, join);
    this.#crossingOut ??= this.#timers.after(CROSSED_OUT_AFTER_MS, () => {
      this.#crossOut().catch((error: unknown) => this.#fail(error));
    });
  }

  async #crossOut(): Promise<void> {
    this.#crossingOut?.cancel();
    this.#crossingOut = undefined;
    if (this.#needless.size === 0) return;
    const unit = new UnitOfWork();
    for (const { user_id: userId, room_id: roomId } of this.#needless.values()) {
      untoldJoinsStore.forget(unit, userId, roomId);
    }
    this.#needless.clear();
    await this.#database.commit(unit);
  }

  async #tellAll(): Promise<void> {
    for (let isMore = true; isMore && !this.#isStopped;) {
      const joins = await untoldJoinsStore.some(this.#database, SWEPT);
      for (const { user_id: userId, room_id: roomId } of joins) await this.announce(userId, roomId);
      await this.#crossOut();
      isMore = joins.length === SWEPT;
    }
  }

  #fail(error: unknown): void {
    if (!this.#isStopped) this.#onProblem(error);
  }

  /** The devices as they are: they follow no update, and bear the number of the newest. */
  async #updates(userId: UserId): Promise<JsonObject[]> {
    const devices = (await devicesStore.ofUser(this.#database, userId)).slice(0, MOST_DEVICES);
    const keys = new Map<string, string>();
    for (const row of await deviceKeysStore.ofUser(this.#database, userId)) keys.set(row.device_id, row.keys);
    const signatures = await deviceKeysStore.signatures(this.#database, userId, userId);
    const streamId = await streamsStore.newestOf(this.#database, userId);
    return devices.map((device) => {
      const { device_id: deviceId, display_name: name } = device;
      const content: JsonObject = { user_id: userId, device_id: deviceId, stream_id: streamId, prev_id: [] };
      if (name !== null) content.device_display_name = name;
      const text = keys.get(deviceId);
      if (text !== undefined) {
        content.keys = withSignatures(JSON.parse(text) as JsonObject, deviceId, signatures);
      }
      return content;
    });
  }
}

import type { EduExchange } from '../../federation/edu-exchange.ts';
import type { Timer, Timers } from '../../platform/timers.ts';
import type { RoomId, ServerName, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Completion, PartialRooms } from '../../rooms/state/partial-rooms.ts';
import { eventChange, membershipChange, stateChange } from '../../rooms/events/room-changes.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import * as deviceKeysStore from '../../storage/encryption/device-keys-store.ts';
import * as streamsStore from '../../storage/encryption/device-list-streams-store.ts';
import * as deviceListsStore from '../../storage/encryption/device-lists-store.ts';
import * as devicesStore from '../../storage/accounts/devices-store.ts';
import * as partialRoomsStore from '../../storage/rooms/partial-rooms-store.ts';
import * as roomServersStore from '../../storage/federation/room-servers-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import * as untoldJoinsStore from '../../storage/federation/untold-joins-store.ts';
import { signingKeyUpdate } from './device-list-edus.ts';
import { withSignatures } from './key-signatures.ts';

/** Devices that servers are told of; who has more has their list fetched when it is needed. */
const MOST_DEVICES = 100;
/** How often it is looked for joins of which nobody was told, in milliseconds, and how many are taken at a time. */
export const SWEEP_MS = 60_000;
export const SWEPT = 100;
/** How long joins of which nobody need be told stay noted, in milliseconds: they are crossed out together. */
const CROSSED_OUT_AFTER_MS = 2_000;

/**
 * Tells servers that a user begins to share a room with of the devices that the user has (Server-Server API, "Device
 * Management"): so far they got no updates of them. Each join is noted with its event, so that a process that ends before it
 * told of it leaves that to another.
 *
 * In a room whose members are yet to come nobody is told before they are known. Then the servers in it are told of the devices
 * that have keys, which is what their users may need; and all that were in it meanwhile of whatever changed meanwhile, since
 * it is not certain which of them were told of that.
 */
export class DeviceListsOnJoin {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #exchange: EduExchange;
  readonly #partial: PartialRooms;
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
    partial: PartialRooms;
    timers: Timers;
    onProblem: (error: unknown) => void;
  }) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.#exchange = needs.exchange;
    this.#partial = needs.partial;
    this.#timers = needs.timers;
    this.#onProblem = needs.onProblem;
    needs.database.subscribe((changes) => {
      for (const change of changes) {
        if (stateChange(change)?.partial === 'ends' && change.isOwn) {
          this.#tellAll().catch((error: unknown) => this.#fail(error));
        }
        const moved = membershipChange(change);
        if (!moved || !this.#exchange.isOwn(moved.userId)) continue;
        // Who leaves and comes back is looked at anew.
        this.#needless.delete(`${moved.userId} ${moved.roomId}`);
        if (moved.membership !== 'join' || !change.isOwn) continue;
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
    if (this.#partial.isPartial(joined)) return;
    if (!(await untoldJoinsStore.isNoted(this.#database, userId, joined))) return;
    const completion = await this.#completionSince(userId, joined);
    const missed = completion ? await this.#mayHaveMissed(userId, joined) : [];
    const fresh = (await this.#newTo(userId, joined)).filter((server) => !missed.includes(server));
    if (fresh.length + missed.length === 0) {
      return this.#crossOutSoon({ user_id: userId, room_id: joined });
    }
    const unit = new UnitOfWork();
    untoldJoinsStore.forget(unit, userId, joined);
    for (const content of await this.#updates(userId)) {
      if (!completion || content.keys !== undefined) {
        this.#exchange.store(unit, fresh, 'm.device_list_update', content);
      }
      // As if it followed itself: who does not have it, and all before it, asks for the whole list.
      const again = { ...content, prev_id: [content.stream_id as number] };
      this.#exchange.store(unit, missed, 'm.device_list_update', again);
    }
    if (missed.length > 0) await this.#tellSigningKeys(unit, missed, userId);
    await this.#database.commit(unit);
  }

  /** How the room's members came to be known, where that was after the user had joined it. */
  async #completionSince(userId: UserId, roomId: RoomId): Promise<Completion | undefined> {
    const completion = this.#partial.completionOf(roomId);
    const joined = completion && (await this.#rooms.membership(roomId, userId));
    return joined && joined.position <= completion.position ? completion : undefined;
  }

  /** The servers that may not know of a change of the user's devices before the room's members were known. */
  async #mayHaveMissed(userId: UserId, roomId: RoomId): Promise<ServerName[]> {
    const began = await partialRoomsStore.beginningOf(this.#database, roomId);
    const changedAt = await deviceListsStore.changedAt(this.#database, userId);
    if (began === undefined || changedAt === undefined || changedAt <= began) return [];
    // Those that were named when the room was joined counted as being in it until its members were known.
    const told = new Set(await partialRoomsStore.serversOf(this.#database, roomId));
    const servers = await roomServersStore.since(this.#database, roomId, began);
    return servers.filter((server) => !told.has(server));
  }

  async #tellSigningKeys(unit: UnitOfWork, servers: readonly ServerName[], userId: UserId): Promise<void> {
    const rows = await deviceKeysStore.crossSigning(this.#database, userId);
    const key = (usage: deviceKeysStore.KeyUsage) => {
      const text = rows.find((row) => row.usage === usage)?.key;
      return text === undefined ? undefined : (JSON.parse(text) as JsonObject);
    };
    const keys = { masterKey: key('master'), selfSigningKey: key('self_signing') };
    if (!keys.masterKey) return;
    this.#exchange.store(unit, servers, 'm.signing_key_update', signingKeyUpdate(userId, keys));
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
    let last: untoldJoinsStore.UntoldJoin | undefined;
    for (let isMore = true; isMore && !this.#isStopped;) {
      const joins = await untoldJoinsStore.after(this.#database, last, SWEPT);
      for (const { user_id: userId, room_id: roomId } of joins) await this.announce(userId, roomId);
      await this.#crossOut();
      isMore = joins.length === SWEPT;
      last = joins.at(-1);
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

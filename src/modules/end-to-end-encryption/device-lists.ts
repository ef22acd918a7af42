import type { DeviceChange } from '../../accounts/accounts.ts';
import type { DeviceId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { PartialRooms } from '../../rooms/state/partial-rooms.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Database, Writer } from '../../storage/database.ts';
import * as deviceKeysStore from '../../storage/encryption/device-keys-store.ts';
import * as deviceListsStore from '../../storage/encryption/device-lists-store.ts';
import type { RecentChanges } from '../../storage/recent-changes.ts';
import { wasJoined } from '../past-membership.ts';
import type { RoomMates, Span } from '../room-mates.ts';
import type { AccountSections, SyncPart, SyncRequest } from '../sync-part.ts';
import type { DeviceListEdus, KeyUpdate } from './device-list-edus.ts';
import { withSignatures } from './key-signatures.ts';

const PAGE = 500;
/** Members of a room without encryption are listed to who joins only up to this number. */
const LISTED_UNENCRYPTED = 1_000;
/** Events that are looked at to tell rooms that the user joined from those where they changed their name only. */
const MOST_EVENTS = 2_000;

/** Whose keys a client has to ask for again, and whose it need not follow any more. */
export interface DeviceListChanges {
  readonly changed: ReadonlySet<UserId>;
  readonly left: ReadonlySet<UserId>;
}

/** Tracks changes of people's devices and keys (Client-Server API, "Tracking the device list for a user"). */
export class DeviceLists implements SyncPart {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #recent: RecentChanges;
  readonly #edus: DeviceListEdus;
  readonly #mates: RoomMates;
  readonly #partial: PartialRooms;

  constructor(needs: {
    database: Database;
    rooms: RoomReads;
    recent: RecentChanges;
    edus: DeviceListEdus;
    mates: RoomMates;
    partial: PartialRooms;
  }) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.#recent = needs.recent;
    this.#edus = needs.edus;
    this.#mates = needs.mates;
    this.#partial = needs.partial;
  }

  /**
   * A user's devices or keys change with this unit: everybody who shares a room is told.
   *
   * @param updates for other servers, of a user of this one.
   */
  async announce(unit: Writer, userId: UserId, updates: readonly KeyUpdate[]): Promise<void> {
    const rooms = [...(await this.#rooms.joinedRoomsByNow(userId))];
    const position = unit.position();
    deviceListsStore.change(unit, userId, undefined, position);
    unit.announce({ topic: 'device-list', position, rooms, users: [userId] });
    await this.#edus.write(unit, userId, rooms, updates);
  }

  /** As `announce`, for what an account does to its devices. */
  async announceDevices(unit: Writer, userId: UserId, change: DeviceChange): Promise<void> {
    await this.announce(unit, userId, await this.#updatesOf(userId, change));
  }

  async #updatesOf(userId: UserId, change: DeviceChange): Promise<KeyUpdate[]> {
    if ('ended' in change) return change.ended.map((ended) => ({ ended }));
    const rows = await deviceKeysStore.ofUser(this.#database, userId);
    if ('renamed' in change) {
      const row = rows.find((one) => one.device_id === change.renamed);
      const signatures = row ? await deviceKeysStore.signatures(this.#database, userId, userId) : [];
      const keys = row && withSignatures(JSON.parse(row.keys) as JsonObject, row.device_id, signatures);
      return [{ deviceId: change.renamed, keys, displayName: change.name }];
    }
    const ended = rows.map((row) => row.device_id as DeviceId).filter((id) => id !== change.endedAllBut);
    return ended.map((deviceId) => ({ ended: deviceId }));
  }

  /** Something about the user's keys changes that one observer alone may see. */
  announceTo(unit: Writer, observer: UserId, userId: UserId): void {
    const position = unit.position();
    deviceListsStore.change(unit, userId, observer, position);
    unit.announce({ topic: 'device-list', position, users: [observer] });
  }

  /**
   * What changed for the user after one position and not after another (GET /keys/changes). A room where too much changed
   * to find out whether the user was in it before counts as joined.
   */
  async between(userId: UserId, after: number, upTo: number): Promise<DeviceListChanges> {
    // The positions may be of another process, which heard of more.
    if (this.#database.position() < upTo) await this.#database.caughtUp();
    const newlyJoined = new Set<RoomId>();
    const budget = { left: MOST_EVENTS };
    for (const room of await this.#rooms.roomsOf(userId)) {
      if (room.membership !== 'join' || room.position <= after) continue;
      const before = { after, upTo: after };
      if (!(await wasJoined(this.#rooms, room.eventId, before, budget))) newlyJoined.add(room.roomId);
    }
    const joinedRooms = await this.#rooms.joinedRooms(userId);
    return this.#changes({ userId, after, upTo, joinedRooms, newlyJoined, recent: this.#recent });
  }

  async account(request: SyncRequest): Promise<AccountSections | undefined> {
    const { since: after } = request;
    if (after === undefined) return undefined;
    const { changed, left } = await this.#changes({ ...request, after });
    if (changed.size === 0 && left.size === 0) return undefined;
    return { other: { device_lists: JSON.stringify({ changed: [...changed], left: [...left] }) } };
  }

  async #changes(span: Span): Promise<DeviceListChanges> {
    const changed = new Set<UserId>();
    if (this.#mayHaveChanged(span)) {
      for (const userId of await deviceListsStore.changed(this.#database, span.userId, span))
        changed.add(userId);
    }
    for (const roomId of span.newlyJoined) await this.#addMembers(roomId, changed);
    const { came, left } = await this.#mates.moves(span);
    for (const userId of came) changed.add(userId);
    for (const userId of left) changed.delete(userId);
    return { changed, left };
  }

  #mayHaveChanged({ recent, after, userId, joinedRooms }: Span): boolean {
    // Who turned out to be in a room may have changed something before.
    if (this.#partial.completedAfter(after).some((roomId) => joinedRooms.has(roomId))) return true;
    if (!recent.changedSince(after, 'device-list')) return false;
    if (recent.userChangedSince(userId, after, 'device-list')) return true;
    for (const roomId of joinedRooms) if (recent.roomChangedSince(roomId, after, 'device-list')) return true;
    return false;
  }

  /** Everybody in a room that the user came into. */
  async #addMembers(roomId: RoomId, changed: Set<UserId>): Promise<void> {
    const isEncrypted = (await this.#rooms.state(roomId, 'm.room.encryption', '')) !== undefined;
    if (!isEncrypted && (await this.#rooms.joinedCount(roomId)) > LISTED_UNENCRYPTED) return;
    for (let after: UserId | undefined; ;) {
      const members = await this.#rooms.joinedMembers(roomId, after, PAGE);
      for (const member of members) changed.add(member);
      after = members.at(-1);
      if (members.length < PAGE) return;
    }
  }
}

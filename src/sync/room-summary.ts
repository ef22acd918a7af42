import type { RoomId, UserId } from '../protocol/identifiers.ts';
import type { StateRoot } from '../rooms/stored-event.ts';
import type { Timeline } from '../rooms/timeline.ts';
import { boundedCache } from '../platform/bounded-cache.ts';
import { membershipChange } from '../rooms/room-changes.ts';
import type { Database } from '../storage/database.ts';
import * as membershipsStore from '../storage/memberships-store.ts';
import * as roomsStore from '../storage/rooms-store.ts';

const HEROES = 5;
const CACHED = 50_000;

interface MemberCounts {
  readonly joined: number;
  readonly invited: number;
}

/** What /sync says of a room's members, and who stands for a room without a name. */
export class RoomSummaries {
  readonly #database: Database;
  readonly #timeline: Timeline;
  readonly #counts = boundedCache<RoomId, MemberCounts>(CACHED);
  /** Counts changes: what was read while one came in may be outdated. */
  #changes = 0;

  constructor(database: Database, timeline: Timeline) {
    this.#database = database;
    this.#timeline = timeline;
    database.subscribe((changes) => {
      for (const change of changes) {
        if (change.topic === 'reset') this.#counts.clear();
        else if (change.topic !== 'state' && !membershipChange(change)) continue;
        this.#changes += 1;
        for (const roomId of change.rooms) this.#counts.delete(roomId);
      }
    });
  }

  /** Users who name a room that has neither name nor canonical alias; undefined where it has one. */
  async heroes(roomId: RoomId, root: StateRoot, reader: UserId): Promise<UserId[] | undefined> {
    const name = (await this.#timeline.stateEvent(root, 'm.room.name', ''))?.content.name;
    if (typeof name === 'string' && name !== '') return undefined;
    const alias = (await this.#timeline.stateEvent(root, 'm.room.canonical_alias', ''))?.content.alias;
    if (typeof alias === 'string' && alias !== '') return undefined;
    return this.standIns(roomId, reader);
  }

  /** Users who stand for a room without a name: some of its members, or if there are none, of those who left. */
  async standIns(roomId: RoomId, reader: UserId): Promise<UserId[]> {
    const heroes = await this.#some(roomId, ['join', 'invite'], reader);
    return heroes.length > 0 ? heroes : this.#some(roomId, ['leave', 'ban'], reader);
  }

  /** How many are in the room, and how many are invited. */
  async counts(roomId: RoomId): Promise<MemberCounts> {
    const known = this.#counts.get(roomId);
    if (known) return known;
    const changes = this.#changes;
    const room = await roomsStore.byId(this.#database, roomId);
    const counts = { joined: room?.joined_count ?? 0, invited: room?.invited_count ?? 0 };
    if (changes === this.#changes) this.#counts.set(roomId, counts);
    return counts;
  }

  /** The summary as JSON text. */
  async text(roomId: RoomId, reader: UserId): Promise<string> {
    const { joined, invited } = await this.counts(roomId);
    const counts = { 'm.joined_member_count': joined, 'm.invited_member_count': invited };
    const root = await this.#timeline.rootAt(roomId, this.#database.position());
    const heroes = root && (await this.heroes(roomId, root, reader));
    return JSON.stringify(heroes ? { 'm.heroes': heroes, ...counts } : counts);
  }

  async #some(roomId: RoomId, memberships: readonly string[], except: UserId): Promise<UserId[]> {
    const found: { user_id: UserId; position: number }[] = [];
    for (const membership of memberships) {
      const limit = HEROES - found.length;
      if (limit === 0) break;
      found.push(...(await membershipsStore.someMembers(this.#database, roomId, membership, except, limit)));
    }
    return found.sort((a, b) => a.position - b.position).map((member) => member.user_id);
  }
}

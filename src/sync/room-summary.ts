import type { RoomId, UserId } from '../protocol/identifiers.ts';
import { rootFromBytes, type StateRoot } from '../rooms/stored-event.ts';
import type { Timeline } from '../rooms/timeline.ts';
import type { Reader } from '../storage/database.ts';
import * as membershipsStore from '../storage/memberships-store.ts';
import * as roomsStore from '../storage/rooms-store.ts';

const HEROES = 5;

/** What /sync says of a room's members, and who stands for a room without a name. */
export class RoomSummaries {
  readonly #reader: Reader;
  readonly #timeline: Timeline;

  constructor(reader: Reader, timeline: Timeline) {
    this.#reader = reader;
    this.#timeline = timeline;
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
  async counts(roomId: RoomId): Promise<{ joined: number; invited: number }> {
    const room = await roomsStore.byId(this.#reader, roomId);
    return { joined: room?.joined_count ?? 0, invited: room?.invited_count ?? 0 };
  }

  /** The summary as JSON text. */
  async text(roomId: RoomId, reader: UserId): Promise<string> {
    const room = await roomsStore.byId(this.#reader, roomId);
    const counts = {
      'm.joined_member_count': room?.joined_count ?? 0,
      'm.invited_member_count': room?.invited_count ?? 0,
    };
    const root = room && rootFromBytes(room.state_root);
    const heroes = root && (await this.heroes(roomId, root, reader));
    return JSON.stringify(heroes ? { 'm.heroes': heroes, ...counts } : counts);
  }

  async #some(roomId: RoomId, memberships: readonly string[], except: UserId): Promise<UserId[]> {
    const found: { user_id: UserId; position: number }[] = [];
    for (const membership of memberships) {
      const limit = HEROES - found.length;
      if (limit === 0) break;
      found.push(...(await membershipsStore.someMembers(this.#reader, roomId, membership, except, limit)));
    }
    return found.sort((a, b) => a.position - b.position).map((member) => member.user_id);
  }
}

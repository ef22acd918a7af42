import type { AccountData } from '../../modules/account-data/index.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import type { Memberships } from '../../rooms/membership/memberships.ts';
import type { OutsideMemberships } from '../../rooms/membership/outside-memberships.ts';
import type { Membership, RoomMembership } from '../../rooms/reading/room-reads.ts';
import type { Reader } from '../../storage/database.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import { isFilteredType, type FilteredType, type FilterFacts } from './room-filters.ts';

/** What is read for the filters of lists. */
export interface FactNeeds {
  readonly reader: Reader;
  readonly log: EventLog;
  readonly memberships: Memberships;
  readonly outside: OutsideMemberships;
  readonly accountData: AccountData;
}

/** Children of one space that are looked at. */
const MOST_CHILDREN = 10_000;

/** What filters look at of one user's rooms: read when first asked for, and kept until it changes. */
export class RoomFacts implements FilterFacts {
  readonly #needs: FactNeeds;
  readonly #userId: UserId;
  readonly #states = new Map<FilteredType, Promise<Map<RoomId, JsonObject>>>();
  #memberships: ReadonlyMap<RoomId, RoomMembership> = new Map();
  #direct: Promise<ReadonlySet<RoomId>> | undefined;
  #tags: Promise<ReadonlyMap<RoomId, JsonObject>> | undefined;

  constructor(needs: FactNeeds, userId: UserId) {
    this.#needs = needs;
    this.#userId = userId;
  }

  /** To be called before `membership` is. */
  async prepare(): Promise<void> {
    this.#memberships = await this.#needs.memberships.ofUser(this.#userId);
  }

  membership(roomId: RoomId): RoomMembership | undefined {
    return this.#memberships.get(roomId);
  }

  state(type: FilteredType): Promise<ReadonlyMap<RoomId, JsonObject>> {
    let known = this.#states.get(type);
    if (!known) {
      known = this.#readState(type);
      this.#states.set(type, known);
    }
    return known;
  }

  direct(): Promise<ReadonlySet<RoomId>> {
    this.#direct ??= this.#readDirect();
    return this.#direct;
  }

  tags(): Promise<ReadonlyMap<RoomId, JsonObject>> {
    this.#tags ??= this.#needs.accountData.ofRooms(this.#userId, 'm.tag');
    return this.#tags;
  }

  async children(spaces: readonly RoomId[]): Promise<ReadonlySet<RoomId>> {
    const children = new Set<RoomId>();
    for (const space of spaces) {
      if (this.#memberships.get(space)?.membership !== 'join') continue;
      const entries = await this.#needs.log.statesOfType(space, 'm.space.child', '', MOST_CHILDREN);
      for (const { content, stateKey } of entries) {
        if (Array.isArray(content.via)) children.add(stateKey as RoomId);
      }
    }
    return children;
  }

  /** The user's account data changed: what was made of it is read again. */
  forgetAccountData(): void {
    this.#direct = undefined;
    this.#tags = undefined;
  }

  /** The state of rooms changed, or the user came into them. Nothing more is learnt of rooms that the user is put out of. */
  async refresh(roomIds: readonly RoomId[]): Promise<void> {
    if (this.#states.size === 0) return;
    const present = roomIds.filter((roomId) => !this.#is(roomId, 'leave', 'ban'));
    const told = await this.#told(present);
    for (const [type, known] of this.#states) {
      const states = await known;
      for (const roomId of present) {
        const outside = told.get(roomId);
        const event = outside ? undefined : await this.#needs.log.state(roomId, type, '');
        setOrDelete(states, roomId, outside ? outside.get(type) : event?.content);
      }
    }
  }

  async #readState(type: FilteredType): Promise<Map<RoomId, JsonObject>> {
    const rows = await membershipsStore.stateOfRooms(this.#needs.reader, this.#userId, type);
    const states = new Map(rows.map((row) => [row.room_id, JSON.parse(row.content) as JsonObject]));
    const told = await this.#told([...this.#memberships.keys()]);
    for (const [roomId, outside] of told) setOrDelete(states, roomId, outside.get(type));
    return states;
  }

  /**
   * What came with invites and knocks of those of the rooms that are not here. Nothing else counts of them, also where
   * others here were in the room once: filters must not tell more than the client is shown.
   */
  async #told(roomIds: readonly RoomId[]): Promise<Map<RoomId, ReadonlyMap<string, JsonObject>>> {
    const told = new Map<RoomId, ReadonlyMap<string, JsonObject>>();
    const invited = roomIds.filter((roomId) => this.#is(roomId, 'invite', 'knock'));
    for await (const { roomId, stripped } of this.#needs.outside.toldOf(this.#userId, invited)) {
      told.set(roomId, filteredState(stripped));
    }
    return told;
  }

  #is(roomId: RoomId, ...memberships: readonly Membership[]): boolean {
    const own = this.#memberships.get(roomId)?.membership;
    return own !== undefined && memberships.includes(own);
  }

  async #readDirect(): Promise<ReadonlySet<RoomId>> {
    const content = await this.#needs.accountData.find(this.#userId, undefined, 'm.direct');
    const lists = Object.values(content ?? {}).filter((list) => Array.isArray(list));
    return new Set(lists.flat().filter((roomId) => !isJsonObject(roomId)) as RoomId[]);
  }
}

/** What filters look at of stripped state. Of several events with one key, the last holds. */
function filteredState(stripped: readonly JsonObject[]): Map<string, JsonObject> {
  const states = new Map<string, JsonObject>();
  for (const { type, state_key: stateKey, content } of stripped) {
    if (isFilteredType(type) && stateKey === '' && isJsonObject(content)) states.set(type, content);
  }
  return states;
}

function setOrDelete<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

import type { RoomId, UserId } from '../protocol/identifiers.ts';
import type { ShownStates } from '../rooms/reading/shown-states.ts';
import { boundedCache } from '../platform/bounded-cache.ts';
import type { EventLog } from '../rooms/events/event-log.ts';
import { eventChange, historyChange, membershipChange } from '../rooms/events/room-changes.ts';
import type { StoredEvent } from '../rooms/events/stored-event.ts';
import type { Change, Database } from '../storage/database.ts';
import { ReadCache } from '../storage/read-cache.ts';
import * as membershipsStore from '../storage/rooms/memberships-store.ts';
import * as roomsStore from '../storage/rooms/rooms-store.ts';

const HEROES = 5;
/** As many as there are heroes for each of them. */
const FIRST = HEROES + 1;
const CACHED = 50_000;
const CACHED_FIRST = 10_000;

interface MemberCounts {
  readonly joined: number;
  readonly invited: number;
}

/** What is kept of a room until something of it changes. */
interface RoomFacts extends MemberCounts {
  /** Whether it has a name or a canonical alias; undefined where nobody asked yet. */
  hasName: boolean | undefined;
}

/** What /sync tells of a room's members. */
export interface RoomSummary {
  readonly 'm.heroes'?: readonly UserId[];
  readonly 'm.joined_member_count': number;
  readonly 'm.invited_member_count': number;
}

const NAMES: readonly string[] = ['m.room.name', 'm.room.canonical_alias'];
/** Beyond all positions: the state that a room has by now. */
const NOW = Number.MAX_SAFE_INTEGER;

/** What /sync says of a room's members, and who stands for a room without a name. */
export class RoomSummaries {
  readonly #database: Database;
  readonly #states: ShownStates;
  readonly #facts: ReadCache<RoomId, RoomFacts>;
  /** The first who are joined or invited, `FIRST` at most. */
  readonly #first: ReadCache<RoomId, readonly UserId[]>;

  constructor(database: Database, states: ShownStates) {
    this.#database = database;
    this.#states = states;
    this.#facts = new ReadCache(database, boundedCache(CACHED), (change) =>
      mayChangeFacts(change) ? change.rooms : [],
    );
    this.#first = new ReadCache(database, boundedCache(CACHED_FIRST), (change) =>
      this.#mayChangeFirst(change) ? change.rooms : [],
    );
  }

  /**
   * Users who stand for a room without a name, at most 5: the first of its members and who is invited, or if there are none, of
   * those who left or are banned.
   */
  async standIns(roomId: RoomId, reader: UserId): Promise<UserId[]> {
    const present = await this.#first.get(roomId, () => this.#readFirst(roomId, ['join', 'invite']));
    const heroes = heroesFor(reader, present);
    return heroes.length > 0 ? heroes : heroesFor(reader, await this.#readFirst(roomId, ['leave', 'ban']));
  }

  /** How many are in the room, and how many are invited. */
  async counts(roomId: RoomId): Promise<MemberCounts> {
    return this.#factsOf(roomId);
  }

  /** The summary, with heroes for a room that has neither name nor canonical alias. */
  async of(roomId: RoomId, reader: UserId): Promise<RoomSummary> {
    const facts = await this.#factsOf(roomId);
    const hasName = facts.hasName ?? (await this.#hasName(roomId));
    // Where that changed meanwhile, these facts are no longer those that are kept.
    facts.hasName = hasName;
    const counts = { 'm.joined_member_count': facts.joined, 'm.invited_member_count': facts.invited };
    if (hasName) return counts;
    return { 'm.heroes': await this.standIns(roomId, reader), ...counts };
  }

  #factsOf(roomId: RoomId): RoomFacts | Promise<RoomFacts> {
    return this.#facts.get(roomId, async () => {
      const counts = await roomsStore.memberCounts(this.#database, roomId);
      return { ...counts, hasName: undefined };
    });
  }

  async #hasName(roomId: RoomId): Promise<boolean> {
    const root = await this.#states.rootAt(roomId, NOW);
    const name = root && (await this.#states.stateEvent(root, 'm.room.name', ''))?.content.name;
    if (typeof name === 'string' && name !== '') return true;
    const alias = root && (await this.#states.stateEvent(root, 'm.room.canonical_alias', ''))?.content.alias;
    return typeof alias === 'string' && alias !== '';
  }

  #readFirst(roomId: RoomId, memberships: readonly string[]): Promise<UserId[]> {
    return membershipsStore.first(this.#database, roomId, memberships, FIRST);
  }

  /** Who comes into a room that has enough comes after them, and who was not among them leaves them as they are. */
  #mayChangeFirst(change: Change): boolean {
    if (change.topic === 'state') return true;
    const moved = membershipChange(change);
    const first = moved && this.#first.peek(moved.roomId);
    if (!first) return moved !== undefined;
    return first.length < FIRST || first.includes(moved.userId);
  }
}

function heroesFor(reader: UserId, users: readonly UserId[]): UserId[] {
  return users.filter((userId) => userId !== reader).slice(0, HEROES);
}

function mayChangeFacts(change: Change): boolean {
  if (change.topic === 'state' || membershipChange(change)) return true;
  const event = eventChange(change);
  if (event) return event.redacted !== undefined || NAMES.includes(event.type);
  return (historyChange(change)?.redacted.length ?? 0) > 0;
}

/** Whether events, or what they redacted, may change who is in a room or by what it is known. */
export async function mayChangeSummary(log: EventLog, events: readonly StoredEvent[]): Promise<boolean> {
  if (events.some(({ type }) => type === 'm.room.member' || NAMES.includes(type))) return true;
  for (const eventId of events.flatMap((event) => event.namedTargets)) {
    const target = await log.byId(eventId);
    if (target && NAMES.includes(target.type)) return true;
  }
  return false;
}

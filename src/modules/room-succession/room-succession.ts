import { boundedCache } from '../../platform/bounded-cache.ts';
import {
  serverNameOf,
  type EventId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { followRoom } from '../../protocol/push/follow-room.ts';
import { eventChange, membershipChange } from '../../rooms/events/room-changes.ts';
import type { LoggedEvent, RoomReads } from '../../rooms/reading/room-reads.ts';
import { StoredEvent } from '../../rooms/events/stored-event.ts';
import type { Change, Database } from '../../storage/database.ts';
import type { AccountData } from '../account-data/index.ts';
import type { PushRules } from '../push/index.ts';

/** A user's entry into a room. */
interface Entry {
  readonly userId: UserId;
  readonly roomId: RoomId;
  readonly eventId: EventId;
  /** Position in the log of the change that made it. */
  readonly position: number;
}

/** Changes of name or picture since the entry that are looked past. */
const MOST_STEPS = 50;
/** Rooms of which it is remembered that they replaced none. */
const REMEMBERED = 10_000;

/**
 * Brings along what users set for a room when they come into the one that replaced it (Client-Server API, "Room
 * upgrades"): push rules, tags, and that it is a direct chat.
 */
export class RoomSuccession {
  readonly #rooms: RoomReads;
  readonly #accountData: AccountData;
  readonly #pushRules: PushRules;
  readonly #serverName: ServerName;
  /** A room that replaced none never will: m.room.create can be redacted, but not replaced. */
  readonly #withoutPredecessor = boundedCache<RoomId, true>(REMEMBERED);
  readonly #underWay = new Set<Promise<void>>();
  #onError: (error: unknown) => void = () => undefined;

  constructor(needs: {
    database: Database;
    rooms: RoomReads;
    accountData: AccountData;
    pushRules: PushRules;
    serverName: ServerName;
  }) {
    this.#rooms = needs.rooms;
    this.#accountData = needs.accountData;
    this.#pushRules = needs.pushRules;
    this.#serverName = needs.serverName;
    needs.database.subscribe((changes) => {
      for (const change of changes) this.#note(change);
    });
  }

  /** Has errors told to somebody. */
  start(onError: (error: unknown) => void): void {
    this.#onError = onError;
  }

  /** Resolves when what was begun is done. */
  async stop(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** An event of the timeline concerns the process that added it; a state that came otherwise, all: they do it once. */
  #note(change: Change): void {
    if (change.topic === 'event' && !change.isOwn) return;
    if (eventChange(change)?.type === 'm.room.create' && change.local instanceof StoredEvent)
      this.#predecessorIn(change.local);
    const changed = membershipChange(change);
    if (changed?.membership !== 'join' || serverNameOf(changed.userId) !== this.#serverName) return;
    if (this.#withoutPredecessor.get(changed.roomId)) return;
    const work: Promise<void> = this.#follow({ ...changed, position: change.position })
      .catch((error: unknown) => this.#onError(error))
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  async #follow(entry: Entry): Promise<void> {
    const { userId, roomId } = entry;
    const create = await this.#rooms.state(roomId, 'm.room.create', '');
    const from = create && this.#predecessorIn(create);
    if (from === undefined) return;
    if (!(await this.#wasIn(from, entry)) || !(await this.#isNew(entry))) return;
    await this.#copyPushRules(userId, from, roomId);
    await this.#copyTags(userId, from, roomId);
    await this.#copyDirect(userId, from, roomId);
  }

  /** The room that the room of this m.room.create event replaced. Where it replaced none, that is remembered. */
  #predecessorIn(create: LoggedEvent): RoomId | undefined {
    const before = create.content.predecessor;
    if (isJsonObject(before) && typeof before.room_id === 'string') return before.room_id as RoomId;
    this.#withoutPredecessor.set(create.roomId, true);
    return undefined;
  }

  /** Whether the user had been in a room when the entry was made: one who comes there afterwards followed nobody. */
  async #wasIn(roomId: RoomId, { userId, position }: Entry): Promise<boolean> {
    const known = await this.#rooms.membership(roomId, userId);
    let event = known && (await this.#rooms.event(known.eventId));
    for (let step = 0; event !== undefined && event.position > position && step < MOST_STEPS; step++)
      event = event.replaces && (await this.#rooms.event(event.replaces));
    return event !== undefined;
  }

  /** Whether the user was not joined before: a new name makes a new event, too. */
  async #isNew({ eventId }: Entry): Promise<boolean> {
    const event = await this.#rooms.event(eventId);
    const replaced = event?.replaces === undefined ? undefined : await this.#rooms.event(event.replaces);
    return replaced?.content.membership !== 'join';
  }

  async #copyPushRules(userId: UserId, from: RoomId, to: RoomId): Promise<void> {
    const { global, device } = await this.#pushRules.all(userId);
    for (const [tag, rules] of [[undefined, global] as const, ...device]) {
      if (followRoom(rules, from, to) === rules) continue;
      await this.#pushRules.change(userId, (ruleset) => followRoom(ruleset, from, to), tag);
    }
  }

  async #copyTags(userId: UserId, from: RoomId, to: RoomId): Promise<void> {
    const tags = await this.#accountData.find(userId, from, 'm.tag');
    if (tags) await this.#accountData.edit(userId, to, 'm.tag', (known) => (known ? undefined : tags));
  }

  async #copyDirect(userId: UserId, from: RoomId, to: RoomId): Promise<void> {
    await this.#accountData.edit(userId, undefined, 'm.direct', (direct) => withSuccessor(direct, from, to));
  }
}

/** The content of `m.direct` with the new room where the old one is; undefined where nothing changes. */
function withSuccessor(direct: JsonObject | undefined, from: RoomId, to: RoomId): JsonObject | undefined {
  const changed: JsonObject = {};
  for (const [person, rooms] of Object.entries(direct ?? {})) {
    if (!Array.isArray(rooms) || !rooms.includes(from) || rooms.includes(to)) continue;
    changed[person] = [...rooms, to];
  }
  return Object.keys(changed).length === 0 ? undefined : { ...direct, ...changed };
}

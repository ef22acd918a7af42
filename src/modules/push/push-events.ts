import { boundedCache } from '../../platform/bounded-cache.ts';
import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { PushEvent, type PushContext } from '../../protocol/push/push-event.ts';
import { evaluateScopedRules, type PushOutcome } from '../../protocol/push/evaluate-push-rules.ts';
import { isRelated, MAIN, threadOf } from '../../rooms/relations/event-threads.ts';
import type { LoggedEvent, RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import { PushRoom } from './push-room.ts';
import type { RulesOverTime } from './push-rules.ts';

/** An event made ready to be judged. */
export interface ReadyEvent {
  readonly push: PushEvent;
  readonly room: PushRoom;
  readonly position: number;
  /** `main`, or the ID of the event that begins the event's thread. */
  readonly thread: string;
}

const CACHED = 2_000;
/**
 * Of many events that are made ready at once, those are kept that are so near the end of the log: others may ask for
 * them now.
 */
const RECENT = 500;
const ROOMS_CACHED = 5_000;

/** Tells which threads people follow (MSC4306). */
export interface ThreadFollowing {
  /** Undefined for a user who never subscribed to any thread. */
  isSubscribed(userId: UserId, roomId: RoomId, rootId: EventId): Promise<boolean | undefined>;
}

/** Events made ready for push rules, once for all who are to be notified of them. */
export class PushEvents {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #threads: ThreadFollowing;
  readonly #cache = boundedCache<EventId, ReadyEvent>(CACHED);
  /** What rules ask of rooms, until something of that changes. */
  readonly #asked: ReadCache<RoomId, PushRoom>;

  constructor(database: Database, rooms: RoomReads, threads: ThreadFollowing) {
    this.#database = database;
    this.#rooms = rooms;
    this.#threads = threads;
    this.#asked = new ReadCache(database, boundedCache(ROOMS_CACHED), ({ topic, rooms: changed, data }) => {
      if (topic === 'state') return changed;
      if (topic !== 'event') return [];
      const { type, membership } = data as JsonObject;
      return membership !== undefined || type === 'm.room.power_levels' ? changed : [];
    });
  }

  /** The event, made ready. */
  async of(event: LoggedEvent): Promise<ReadyEvent> {
    const known = this.#cache.get(event.eventId);
    if (known) return known;
    const ready = await this.#prepare(event, await this.#roomOf(event.roomId));
    this.#cache.set(event.eventId, ready);
    return ready;
  }

  /** Events of one room, made ready. */
  async all(events: readonly LoggedEvent[]): Promise<ReadyEvent[]> {
    const [first] = events;
    if (!first) return [];
    const room = await this.#roomOf(first.roomId);
    const recent = this.#database.position() - RECENT;
    const all: ReadyEvent[] = [];
    for (const event of events) {
      const known = this.#cache.get(event.eventId);
      const prepared = known ?? this.#prepare(event, room);
      const ready = prepared instanceof Promise ? await prepared : prepared;
      if (!known && event.position > recent) this.#cache.set(event.eventId, ready);
      all.push(ready);
    }
    return all;
  }

  #prepare(event: LoggedEvent, room: PushRoom): ReadyEvent | Promise<ReadyEvent> {
    const { type, sender, roomId, eventId, stateKey, content, position } = event;
    const json = { type, sender, room_id: roomId, event_id: eventId, content, state_key: stateKey };
    const push = new PushEvent(json, room);
    if (!isRelated(event)) return { push, room, position, thread: MAIN };
    return threadOf(this.#rooms, event).then((thread) => ({ push, room, position, thread }));
  }

  /**
   * What the rules that held for an event say of it: at once, where they ask nothing that is to be read.
   *
   * @param position where the user came to know it, if not by the event's own place in the log.
   * @param profileTag that of the pusher that would tell of it.
   */
  judge(
    ready: ReadyEvent,
    userId: UserId,
    rules: RulesOverTime,
    position = ready.position,
    profileTag?: string,
  ): PushOutcome | Promise<PushOutcome> {
    const { global, device: devices } = rules.at(position);
    const device = profileTag === undefined ? undefined : devices.get(profileTag);
    const rulesets = { global, device };
    const context = { event: ready.push, userId, profileTag };
    const asksDisplayName = global.asksDisplayName || device?.asksDisplayName === true;
    const { room } = ready;
    if (!asksDisplayName && ready.thread === MAIN)
      return room.answer(() => evaluateScopedRules(rulesets, context));
    return this.#moreOf(ready, userId, asksDisplayName).then((more) =>
      room.answer(() => evaluateScopedRules(rulesets, { ...context, ...more })),
    );
  }

  /** What few rules ask, and is not in memory. */
  async #moreOf(
    { thread, push }: ReadyEvent,
    userId: UserId,
    asksDisplayName: boolean,
  ): Promise<Pick<PushContext, 'isThreadSubscribed' | 'displayName'>> {
    const roomId = push.roomId as RoomId;
    const isThreadSubscribed =
      thread === MAIN ? undefined : await this.#threads.isSubscribed(userId, roomId, thread as EventId);
    if (!asksDisplayName) return { isThreadSubscribed };
    const member = await this.#rooms.state(roomId, 'm.room.member', userId);
    const displayName = member?.content.displayname;
    return typeof displayName === 'string' ? { isThreadSubscribed, displayName } : { isThreadSubscribed };
  }

  #roomOf(roomId: RoomId): PushRoom | Promise<PushRoom> {
    return this.#asked.get(
      roomId,
      async () => new PushRoom(this.#rooms, roomId, await this.#rooms.joinedCount(roomId)),
    );
  }
}

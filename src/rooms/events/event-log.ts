import { LRUCache } from 'lru-cache';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { Change, Database } from '../../storage/database.ts';
import * as aggregationsStore from '../../storage/rooms/aggregations-store.ts';
import type { AggregationRow } from '../../storage/rooms/aggregations-store.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import type { EventRow, PageRange } from '../../storage/rooms/events-store.ts';
import * as currentStateStore from '../../storage/rooms/current-state-store.ts';
import { eventChange, historyChange, stateChange, type HistoryChange } from './room-changes.ts';
import { KnownEvents } from './known-events.ts';
import { StoredEvent } from './stored-event.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';

/** Newest events of one room, without gaps up to its end, oldest first. */
interface Window {
  events: StoredEvent[];
  /** The window reaches back to the first event of the room. */
  whole: boolean;
  /** About how much memory the events take. */
  bytes: number;
}

/** Part of a timeline. */
export interface Stretch {
  /** Oldest first. */
  readonly events: readonly StoredEvent[];
  /** There are older events in the asked range that were left out. */
  readonly limited: boolean;
}

/** Events that a window keeps; a sync that wants more reads the database. */
const WINDOW = 50;
/** About how much memory a window takes beside its events. */
const WINDOW_BYTES = 200;

/**
 * Committed events, from memory where they are new and from the database otherwise. What it gives is complete up to
 * `database.position()`.
 */
export class EventLog {
  readonly #database: Database;
  readonly #known: KnownEvents;
  readonly #windows: LRUCache<RoomId, Window>;
  /** Parents of what was delivered while a read of aggregations was under way; one set a read. */
  readonly #parentsSince = new Set<Set<EventId>>();
  /** Counts deliveries, to notice that one happened while the database was read. */
  #deliveries = 0;
  #resets = 0;

  /** @param cacheBytes about how much memory events may take. */
  constructor(database: Database, cacheBytes = 48 * 1024 * 1024) {
    this.#database = database;
    this.#known = new KnownEvents(cacheBytes / 2);
    this.#windows = new LRUCache({
      maxSize: cacheBytes / 2,
      sizeCalculation: (window) => window.bytes,
    });
    database.subscribe((changes) => this.#deliver(changes));
  }

  /** The event if it is in memory, redacted if it was redacted. */
  inMemory(eventId: EventId): StoredEvent | undefined {
    return this.#known.byId(eventId);
  }

  /** One event, redacted if it was redacted. */
  async byId(eventId: EventId): Promise<StoredEvent | undefined> {
    const known = this.#known.byId(eventId);
    if (known) return known;
    const row = await eventsStore.byId(this.#database, eventId);
    return row && this.intern(row);
  }

  /** Those of the events that are committed, in no order. */
  async byIds(eventIds: readonly EventId[]): Promise<StoredEvent[]> {
    const found: StoredEvent[] = [];
    const others: EventId[] = [];
    for (const eventId of eventIds) {
      const event = this.#known.byId(eventId);
      if (event) found.push(event);
      else others.push(eventId);
    }
    const [only] = others;
    if (only === undefined) return found;
    if (others.length === 1) {
      const event = await this.byId(only);
      return event ? [...found, event] : found;
    }
    for (const row of await eventsStore.byIds(this.#database, others)) found.push(this.intern(row));
    return found;
  }

  /** The newest events of a room with `after` < position <= `upTo`, at most `limit` of them. */
  async newest(roomId: RoomId, after: number, upTo: number, limit: number): Promise<Stretch> {
    const window = this.#windows.get(roomId);
    const known = window && newestOf(window, after, upTo, limit);
    return known ?? this.#readNewest(roomId, after, upTo, limit);
  }

  /**
   * Events of a room with `after` < position <= `upTo`, from one end of the range. Those in memory are not read again,
   * others not kept there.
   */
  page(roomId: RoomId, range: PageRange): Promise<StoredEvent[]> {
    return this.#page(roomId, range, (row) => this.#known.passing(row));
  }

  /** One entry of a room's current state. */
  async state(roomId: RoomId, type: string, stateKey: string): Promise<StoredEvent | undefined> {
    const position = await currentStateStore.statePosition(this.#database, roomId, type, stateKey);
    const known = position === undefined ? undefined : this.#known.at(position);
    if (known || position === undefined) return known;
    const row = await currentStateStore.state(this.#database, roomId, type, stateKey);
    return row && this.intern(row);
  }

  /** The events at the positions, in that order. */
  async atPositions(positions: readonly number[]): Promise<StoredEvent[]> {
    const rows = await eventsStore.byPositions(this.#database, positions);
    const events = new Map(rows.map((row) => [row.position, this.intern(row)]));
    return positions.flatMap((position) => events.get(position) ?? []);
  }

  /** Entries of one type of a room's current state, by state key, after `after`, at most `limit`. */
  async statesOfType(roomId: RoomId, type: string, after: string, limit: number): Promise<StoredEvent[]> {
    const rows = await currentStateStore.statesOfType(this.#database, roomId, type, after, limit);
    return rows.map((row) => this.intern(row));
  }

  /** A room's current state but for its members. */
  async stateWithoutMembers(roomId: RoomId): Promise<StoredEvent[]> {
    const rows = await currentStateStore.stateWithoutMembers(this.#database, roomId);
    return rows.map((row) => this.intern(row));
  }

  /** Position of the newest event that people would look into the room for, up to a position; undefined for none. */
  newestActivity(roomId: RoomId, upTo: number): Promise<number | undefined> {
    return eventsStore.newestActivity(this.#database, roomId, upTo);
  }

  /** What is counted of the events. Nothing is read for those of which it is known that there is nothing to count. */
  async aggregations(events: readonly StoredEvent[]): Promise<AggregationRow[]> {
    const asked = events.filter((event) => event.hasAggregations !== false);
    if (asked.length === 0) return [];
    const parents = new Set<EventId>();
    this.#parentsSince.add(parents);
    const resets = this.#resets;
    try {
      const ids = asked.map((event) => event.eventId);
      const rows = await aggregationsStore.of(this.#database, ids);
      for (const row of rows) parents.add(row.parent_id as EventId);
      if (resets === this.#resets) {
        for (const event of asked) event.hasAggregations = parents.has(event.eventId);
      }
      return rows;
    } finally {
      this.#parentsSince.delete(parents);
    }
  }

  /** The event of a row, as the one object that everybody shares. */
  intern(row: EventRow): StoredEvent {
    return this.#known.intern(row);
  }

  /** A page's events; `eventOf` makes them of its rows, where not all are in memory. */
  async #page(
    roomId: RoomId,
    range: PageRange,
    eventOf: (row: EventRow) => StoredEvent,
  ): Promise<StoredEvent[]> {
    const positions = await eventsStore.pagePositions(this.#database, roomId, range);
    const known = positions.flatMap((position) => this.#known.at(position) ?? []);
    if (known.length === positions.length) return known;
    return (await eventsStore.page(this.#database, roomId, range)).map(eventOf);
  }

  async #readNewest(roomId: RoomId, after: number, upTo: number, limit: number): Promise<Stretch> {
    const deliveries = this.#deliveries;
    const wanted = Math.max(limit, WINDOW / 2) + 1;
    const fromEnd = upTo >= this.#database.position();
    const range = {
      after: fromEnd ? BEFORE_HISTORY : after,
      upTo,
      limit: wanted,
      newestFirst: true,
    };
    const events = (await this.#page(roomId, range, (row) => this.intern(row))).reverse();
    if (fromEnd && deliveries === this.#deliveries) {
      const newest = events.slice(-2 * WINDOW);
      const whole = events.length < wanted && newest.length === events.length;
      this.#windows.set(roomId, { events: newest, whole, bytes: bytesOf(newest) });
    }
    const found = events.filter((event) => event.position > after);
    return { events: limit === 0 ? [] : found.slice(-limit), limited: found.length > limit };
  }

  async #deliver(changes: readonly Change[]): Promise<void> {
    this.#deliveries += 1;
    for (const change of changes) {
      if (change.topic === 'reset') {
        this.#known.clear();
        this.#windows.clear();
        this.#resets += 1;
        continue;
      }
      const roomId = change.rooms[0];
      if (roomId === undefined) continue;
      if (stateChange(change)?.partial === 'ends') this.#forgetRoom(roomId);
      const history = historyChange(change);
      if (history) this.#noteHistory(roomId, history);
      const data = eventChange(change);
      if (!data) continue;
      if (data.parent !== undefined) this.#noteParent(roomId, data.parent);
      if (data.redacted !== undefined) {
        this.#known.forgetRedacted(data.redacted);
        this.#windows.delete(roomId);
      }
      await this.#append(roomId, change);
    }
  }

  /** What the states after its events are has changed. */
  #forgetRoom(roomId: RoomId): void {
    this.#windows.delete(roomId);
    this.#known.forgetRoom(roomId, 'all');
  }

  #noteHistory(roomId: RoomId, { parents, redacted }: HistoryChange): void {
    for (const parentId of parents) this.#noteParent(roomId, parentId);
    for (const eventId of redacted) this.#known.forgetRedacted(eventId);
    this.#windows.delete(roomId);
    this.#known.forgetRoom(roomId, 'aside');
  }

  #noteParent(roomId: RoomId, parentId: EventId): void {
    for (const parents of this.#parentsSince) parents.add(parentId);
    const inWindow = this.#windows.peek(roomId)?.events.find((event) => event.eventId === parentId);
    for (const event of [inWindow, this.#known.peek(parentId)]) if (event) event.hasAggregations = true;
  }

  async #append(roomId: RoomId, change: Change): Promise<void> {
    let event: StoredEvent | undefined;
    if (change.local instanceof StoredEvent) {
      event = change.local;
      event.position = change.position;
      this.#known.keep(event);
    } else this.#known.forget(eventChange(change)?.eventId as EventId);
    const window = this.#windows.peek(roomId);
    if (!window) {
      if (event?.type === 'm.room.create') {
        const events = [event];
        this.#windows.set(roomId, { events, whole: true, bytes: bytesOf(events) });
      }
      return;
    }
    if (!event) {
      const row = await eventsStore.byPosition(this.#database, change.position);
      if (!row) return;
      event = this.intern(row);
    }
    const events = window.events.length >= 2 * WINDOW ? window.events.slice(-WINDOW) : window.events;
    const isSame = events === window.events;
    const bytes = (isSame ? window.bytes : bytesOf(events)) + event.size;
    events.push(event);
    this.#windows.set(roomId, { events, whole: window.whole && isSame, bytes });
  }
}

/** The newest events of a range, from a window; undefined where it does not reach back far enough. */
function newestOf(window: Window, after: number, upTo: number, limit: number): Stretch | undefined {
  const { events, whole } = window;
  const positionOf = (index: number) => (events[index] as StoredEvent).position;
  let end = events.length;
  while (end > 0 && positionOf(end - 1) > upTo) end--;
  let start = end;
  while (start > 0 && end - start <= limit && positionOf(start - 1) > after) start--;
  const limited = end - start > limit;
  if (start === 0 && !limited && !whole) return undefined;
  return { events: events.slice(limited ? end - limit : start, end), limited };
}

/** About how much memory a window of these events takes. */
function bytesOf(events: readonly StoredEvent[]): number {
  return events.reduce((sum, event) => sum + event.size, WINDOW_BYTES);
}

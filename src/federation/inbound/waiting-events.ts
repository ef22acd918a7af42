import { parseExactJson } from '../../protocol/exact-json.ts';
import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { spelledOut } from '../../protocol/number-spelling.ts';
import { every, type Timer, type Timers } from '../../platform/timers.ts';
import type { PartialRooms } from '../../rooms/state/partial-rooms.ts';
import type { Database } from '../../storage/database.ts';
import { commitIfFirst } from '../../storage/guarded-commit.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import * as store from '../../storage/federation/waiting-events-store.ts';

/** When what could not be placed is looked at again, in milliseconds after the time before. */
export const AGAIN_AFTER_MS = [15_000, 240_000, 1_800_000] as const;
/** What waits for the whole state of its room has not been looked at once. */
const UNTIL_WHOLE = -1;
/** Events kept of one server; what is more is asked for with the next event that follows it. */
const MOST_OF_ORIGIN = 500;
/** Events of a room looked at together, and groups of them that are planned at once. */
const MOST_AT_ONCE = 100;
export const MOST_GROUPS = 500;
/** Longest text of an event that is kept: no valid one is longer. */
const LONGEST_TEXT = 131_072;
/**
 * How often what is overdue is looked for: what other processes left behind, or was too much to be planned; in
 * milliseconds.
 */
const LOOK_MS = 60_000;

/** An event as a server sent it. */
export interface SentEvent {
  readonly eventId: EventId;
  readonly pdu: JsonObject;
}

/** Events as one server sent them. */
export interface Batch {
  readonly origin: ServerName;
  readonly events: readonly SentEvent[];
}

interface WaitingNeeds {
  readonly database: Database;
  readonly clock: { now(): number };
  readonly timers: Timers;
  readonly partial: PartialRooms;
  readonly tryAgain: (roomId: RoomId, batch: Batch) => Promise<ReadonlySet<EventId>>;
  readonly onProblem: (error: unknown) => void;
}

/**
 * Events that came and are not judged: those of which nobody told what they follow, and those of which it takes long to be
 * told. Who sent them does not send them again, and in a quiet room nothing may follow them for long: so they are kept in the
 * database and looked at some more times, by whatever process runs then.
 */
export class WaitingEvents {
  readonly #needs: WaitingNeeds;
  /** By room, and how often its events were looked at. */
  readonly #planned = new Map<string, Timer>();
  /** Rooms whose events are looked at once their whole state is here. */
  readonly #untilWhole = new Set<RoomId>();
  #look: Timer | undefined;
  #isStopped = true;

  /** @param needs.tryAgain gives those of the events that still cannot be judged. */
  constructor(needs: WaitingNeeds) {
    this.#needs = needs;
  }

  /** Begins to look at what waits from before. Call it once it is known which rooms are not whole. */
  start(): void {
    this.#isStopped = false;
    const { clock, timers, partial, onProblem } = this.#needs;
    for (const roomId of partial.partialRooms()) this.#planUntilWhole(roomId);
    this.#findWaiting(Number.MAX_SAFE_INTEGER).catch(onProblem);
    this.#look = every(timers, LOOK_MS, () => {
      this.#findWaiting(clock.now() - LOOK_MS).catch(onProblem);
    });
  }

  /** Looks no more; what waits is kept. */
  stop(): void {
    this.#isStopped = true;
    this.#look?.cancel();
    for (const timer of this.#planned.values()) timer.cancel();
    this.#planned.clear();
  }

  /** Whether the process ends. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * Keeps events that could not be placed, to be looked at after a while; of a room that is not whole, once it is. Resolves
   * when they are durable.
   */
  async keep(roomId: RoomId, { origin, events }: Batch): Promise<void> {
    if (events.length === 0) return;
    const kept = events.slice(0, await this.#room(origin)).map(({ eventId, pdu }) => keptForm(eventId, pdu));
    await this.#keep(
      roomId,
      origin,
      kept.filter(({ text }) => text.length <= LONGEST_TEXT),
    );
  }

  /**
   * Keeps events that are still worked on, all of them or none: a process that ends meanwhile leaves them to be looked at
   * again. Whether they are kept, and durable.
   */
  async keepAll(roomId: RoomId, { origin, events }: Batch): Promise<boolean> {
    if (events.length > (await this.#room(origin))) return false;
    const kept = events.map(({ eventId, pdu }) => keptForm(eventId, pdu));
    if (kept.some(({ text }) => text.length > LONGEST_TEXT)) return false;
    await this.#keep(roomId, origin, kept);
    return true;
  }

  /** Keeps events no more that were judged after all. */
  async release(roomId: RoomId, origin: ServerName, eventIds: Iterable<EventId>): Promise<void> {
    const unit = new UnitOfWork();
    for (const event_id of eventIds) store.remove(unit, { room_id: roomId, event_id, origin });
    await this.#needs.database.commit(unit);
  }

  /** How many more events of a server are kept. */
  async #room(origin: ServerName): Promise<number> {
    return MOST_OF_ORIGIN - (await store.countOf(this.#needs.database, origin, MOST_OF_ORIGIN));
  }

  async #keep(roomId: RoomId, origin: ServerName, events: readonly KeptForm[]): Promise<void> {
    const { database, partial } = this.#needs;
    const tries: number = partial.isPartial(roomId) ? UNTIL_WHOLE : 0;
    const unit = new UnitOfWork();
    const row = { room_id: roomId, origin, tries, next_at: this.#nextAt(tries) };
    for (const { eventId, depth, text } of events) {
      store.keep(unit, { ...row, event_id: eventId, depth, pdu: text });
    }
    await database.commit(unit);
    if (tries === UNTIL_WHOLE) this.#planUntilWhole(roomId);
    else this.#plan(roomId, tries, AGAIN_AFTER_MS[tries] ?? 0);
  }

  #nextAt(tries: number): number {
    return this.#needs.clock.now() + (AGAIN_AFTER_MS[tries] ?? LOOK_MS);
  }

  #plan(roomId: RoomId, tries: number, afterMs: number): void {
    const key = `${roomId} ${tries}`;
    if (this.#isStopped || this.#planned.has(key) || this.#planned.size >= MOST_GROUPS) return;
    const run = () => {
      this.#planned.delete(key);
      this.#again(roomId, tries).catch((error: unknown) => {
        if (!this.#isStopped) this.#needs.onProblem(error);
      });
    };
    this.#planned.set(key, this.#needs.timers.after(afterMs, run));
  }

  #planUntilWhole(roomId: RoomId): void {
    if (this.#untilWhole.has(roomId)) return;
    this.#untilWhole.add(roomId);
    this.#needs.partial.onceComplete(roomId, () => {
      this.#untilWhole.delete(roomId);
      this.#plan(roomId, UNTIL_WHOLE, 0);
    });
  }

  async #again(roomId: RoomId, tries: number): Promise<void> {
    if (this.#isStopped) return;
    const { database } = this.#needs;
    const rows = await store.ofGroup(database, roomId, tries, MOST_AT_ONCE);
    if (rows.length === 0 || !(await this.#take(rows, tries + 1))) return;
    const left = new Map<ServerName, ReadonlySet<EventId>>();
    for (const [origin, events] of byOrigin(rows)) {
      left.set(origin, await this.#needs.tryAgain(roomId, { origin, events }));
    }
    if (this.#isStopped) return;
    const isLast = tries + 1 >= AGAIN_AFTER_MS.length;
    const isLeft = (row: store.WaitingEventRow) => left.get(row.origin)?.has(row.event_id) === true;
    const unit = new UnitOfWork();
    for (const row of rows) if (isLast || !isLeft(row)) store.remove(unit, row);
    await database.commit(unit);
    if (rows.some(isLeft) && !isLast) this.#plan(roomId, tries + 1, AGAIN_AFTER_MS[tries + 1] ?? 0);
    if (rows.length === MOST_AT_ONCE) this.#plan(roomId, tries, 0);
  }

  /** Whether it is this process that looks at the events. */
  async #take(rows: readonly store.WaitingEventRow[], tries: number): Promise<boolean> {
    const unit = new UnitOfWork();
    for (const row of rows) store.take(unit, row, { tries, at: this.#nextAt(tries) });
    return commitIfFirst(this.#needs.database, unit);
  }

  async #findWaiting(until: number): Promise<void> {
    const { database, clock } = this.#needs;
    for (const { room_id, tries, next_at } of await store.due(database, until, MOST_GROUPS)) {
      const leftMs = Math.max(Number(next_at) - clock.now(), 0);
      // More than there ever was to wait is left when the clock was set back.
      this.#plan(room_id, Number(tries), Math.min(leftMs, AGAIN_AFTER_MS[Number(tries)] ?? LOOK_MS));
    }
  }
}

/** An event as it is kept. */
interface KeptForm {
  readonly eventId: EventId;
  readonly depth: number;
  readonly text: string;
}

function keptForm(eventId: EventId, pdu: JsonObject): KeptForm {
  const depth = Number.isSafeInteger(pdu.depth) ? (pdu.depth as number) : Number.MAX_SAFE_INTEGER;
  return { eventId, depth, text: JSON.stringify(spelledOut(pdu)) };
}

function byOrigin(rows: readonly store.WaitingEventRow[]): Map<ServerName, SentEvent[]> {
  const found = new Map<ServerName, SentEvent[]>();
  for (const row of rows) {
    const pdu = parseExactJson(row.pdu);
    if (!isJsonObject(pdu)) continue;
    const events = found.get(row.origin) ?? [];
    events.push({ eventId: row.event_id, pdu });
    found.set(row.origin, events);
  }
  return found;
}

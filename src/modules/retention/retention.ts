import { every, type Timer, type Timers } from '../../platform/timers.ts';
import { inParts } from '../../platform/list-parts.ts';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { ROOM_VERSIONS, type RoomVersion } from '../../protocol/room-versions.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import { prepareRedaction, type PreparedRedaction } from '../../rooms/appending/redactions.ts';
import type { HistoryChange } from '../../rooms/events/room-changes.ts';
import { StoredEvent } from '../../rooms/events/stored-event.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import * as relationsStore from '../../storage/rooms/relations-store.ts';
import * as retentionStore from '../../storage/rooms/retention-store.ts';
import * as searchStore from '../../storage/rooms/search-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { maxLifetime, retentionConfiguration, type RetentionLimits } from './retention-policy.ts';

/** Rooms that are read at once, and events that are looked at in one unit of work. */
const ROOMS = 100;
const EVENTS = 100;
/** Units of work for one room in one run, so that each room gets its turn. */
const MOST_UNITS = 50;
/** Events of which one change tells: their IDs may be long. */
const TOLD_AT_ONCE = 7;
/** Stands for what removed an event where the room itself says nothing of it. */
const SERVER_POLICY = '$retention' as EventId;

/**
 * Removes messages that are older than their room allows (MSC1763): of each no more is left than after a redaction, which the
 * room's `m.room.retention` counts as. State stays, since the room stands on it. Several processes may do so at once.
 */
export class Retention {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #clock: { now(): number };
  readonly #timers: Timers;
  readonly #limits: RetentionLimits;
  readonly #everyMs: number;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;
  #stopped = false;

  constructor(needs: {
    database: Database;
    log: EventLog;
    clock: { now(): number };
    timers: Timers;
    limits: RetentionLimits;
    everyMs: number;
  }) {
    this.#database = needs.database;
    this.#log = needs.log;
    this.#clock = needs.clock;
    this.#timers = needs.timers;
    this.#limits = needs.limits;
    this.#everyMs = needs.everyMs;
  }

  /** What clients are told of it; undefined where the server removes nothing. */
  get configuration(): JsonObject | undefined {
    return this.#limits.enabled ? retentionConfiguration(this.#limits) : undefined;
  }

  /** Begins to remove, now and again and again. */
  start(onError: (error: unknown) => void): void {
    if (!this.#limits.enabled) return;
    const run = () => {
      if (this.#isRunning || this.#stopped) return;
      this.#running = this.run().catch(onError);
    };
    this.#timer = every(this.#timers, this.#everyMs, run);
    run();
  }

  /** Ends what is being done, and begins nothing else. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Removes what is too old now. */
  async run(): Promise<void> {
    this.#isRunning = true;
    try {
      const which = this.#limits.defaultMaxMs === undefined ? 'with-policy' : 'all';
      for (let after = ''; ;) {
        const rooms = await retentionStore.rooms(this.#database, which, after, ROOMS);
        for (const roomId of rooms) if (!this.#stopped) await this.#room(roomId);
        const last = rooms.at(-1);
        if (last === undefined || rooms.length < ROOMS || this.#stopped) return;
        after = last;
      }
    } finally {
      this.#isRunning = false;
    }
  }

  async #room(roomId: RoomId): Promise<void> {
    const policy = await this.#log.state(roomId, 'm.room.retention', '');
    const lifetime = maxLifetime(policy?.content, this.#limits);
    const create = await this.#log.state(roomId, 'm.room.create', '');
    const id = create?.content.room_version;
    const version = ROOM_VERSIONS.get(typeof id === 'string' ? id : '1');
    if (lifetime === undefined || version === undefined) return;
    const before = this.#clock.now() - lifetime;
    const cause = policy?.eventId ?? SERVER_POLICY;
    for (let units = 0; units < MOST_UNITS && !this.#stopped; units++) {
      if (!(await this.#removeSome(roomId, version, { before, cause }))) return;
    }
  }

  /** Removes the oldest events that are left; gives whether there may be more. */
  async #removeSome(
    roomId: RoomId,
    version: RoomVersion,
    { before, cause }: { before: number; cause: EventId },
  ): Promise<boolean> {
    const after = await retentionStore.progress(this.#database, roomId);
    const range = { after, upTo: this.#database.position(), limit: EVENTS, newestFirst: false };
    const events = (await eventsStore.page(this.#database, roomId, range)).map((row) => new StoredEvent(row));
    const times = sendingTimes(events, this.#clock.now());
    const young = times.findIndex((time) => time >= before);
    const old = young < 0 ? events : events.slice(0, young);
    const last = old.at(-1);
    if (!last) return false;
    const messages = old.filter((event) => event.stateKey === undefined);
    const removed = messages.flatMap((event) => prepareRedaction(version, cause, event) ?? []);
    const unit = new UnitOfWork();
    retentionStore.advance(unit, roomId, after, last.position);
    await this.#write(unit, messages, removed);
    for (const some of inParts(removed, TOLD_AT_ONCE)) {
      const data: HistoryChange = {
        parents: some.flatMap((one) => one.relation?.parentId ?? []),
        redacted: some.map((one) => one.target),
      };
      unit.announce({ topic: 'history', position: unit.position(), rooms: [roomId], data });
    }
    try {
      await this.#database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
    }
    return young < 0 && events.length === EVENTS;
  }

  async #write(
    unit: UnitOfWork,
    messages: readonly StoredEvent[],
    removed: readonly PreparedRedaction[],
  ): Promise<void> {
    for (const one of removed) {
      eventsStore.redact(unit, one.target, one.redactedBy, one.content, one.envelope);
      if (one.relation) relationsStore.remove(unit, one.relation);
    }
    const positions = messages.map((event) => event.position);
    const replaceKeys = await searchStore.searchTerms(this.#database).replacing(this.#database, positions);
    for (const position of positions) replaceKeys(unit, position, []);
  }
}

/** When the events were sent. One that claims to be from the future was sent no later than what came after it. */
function sendingTimes(events: readonly StoredEvent[], now: number): number[] {
  const times: number[] = [];
  let next = now;
  for (const event of [...events].reverse()) {
    next = event.originServerTs > now ? next : event.originServerTs;
    times.push(next);
  }
  return times.reverse();
}

import type { Appservice } from '../../accounts/application-services/appservices.ts';
import { OutgoingError } from '../../platform/outgoing-http.ts';
import { RepeatedRun } from '../../platform/repeated-run.ts';
import type { Timer, Timers } from '../../platform/timers.ts';
import type { ClientEvents, Sight } from '../../rooms/reading/client-events.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import * as queuesStore from '../../storage/push/appservice-queues-store.ts';
import type { Database } from '../../storage/database.ts';
import type { EventRow } from '../../storage/rooms/events-store.ts';
import type { ProcessLeases } from '../../storage/process-leases.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { AppserviceClient } from './appservice-client.ts';
import type { AppserviceInterest } from './appservice-interest.ts';

/** What the queues of all application services use together. */
export interface AppserviceQueueNeeds {
  readonly database: Database;
  readonly log: EventLog;
  readonly clientEvents: ClientEvents;
  readonly interest: AppserviceInterest;
  readonly client: AppserviceClient;
  readonly clock: { now(): number };
  /** A random number from 0 (inclusive) to 1. */
  readonly draw: () => number;
  readonly timers: Timers;
  /** Which services this process tells. */
  readonly leases: ProcessLeases<string>;
  readonly onError: (error: unknown) => void;
}

/** An event and its place in the queue. */
interface Placed {
  readonly event: StoredEvent;
  readonly place: number;
}

/** An event to be told of, and by whose eyes the service sees it. */
interface Seen {
  readonly event: StoredEvent;
  readonly sight: Sight;
}

/** Events looked at, and events told at most, in one transaction. */
const MOST_LOOKED_AT = 500;
const MOST_EVENTS = 100;
/** Ephemeral data kept for a service that does not take it; the oldest is dropped. */
const MOST_EPHEMERAL = 1_000;
const EPHEMERAL_AT_ONCE = 100;
const TIMEOUT_MS = 60_000;
/** How long it waits before it looks again whether the process that sends is still alive. */
const OTHERS_TURN_MS = 4_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;

interface Transaction {
  readonly id: string;
  readonly body: string;
  readonly upTo: number;
  /** Whether it is in the database, so that it is sent again as it is after a crash. */
  readonly isKept: boolean;
}

/**
 * What one application service is told (Application Service API, "Pushing events"): events in the order of the log, one
 * transaction after the other, each again and again until it is taken. The log is the queue; the service has a position in
 * it. Of several processes one at a time sends.
 */
export class AppserviceQueue {
  readonly service: Appservice;
  readonly #needs: AppserviceQueueNeeds;
  readonly #ephemeral: string[] = [];
  /** Up to where there may be events beside the log. */
  #outsideUpTo = 0;
  #position: number | undefined;
  #current: Transaction | undefined;
  #failures = 0;
  readonly #runs = new RepeatedRun(() => this.#beginRun());
  #timer: Timer | undefined;
  readonly #stopping = new AbortController();

  constructor(service: Appservice, needs: AppserviceQueueNeeds) {
    this.service = service;
    this.#needs = needs;
  }

  /** Makes the queue of a service that was not there before: it is told what happens from now on. */
  async open(): Promise<void> {
    const { database } = this.#needs;
    if (await queuesStore.byId(database, this.service.id)) return;
    const unit = new UnitOfWork();
    queuesStore.insert(unit, this.service.id, database.position());
    await database.commit(unit);
  }

  /** Ephemeral data as JSON text, told with the next transaction; lost when the process ends before. */
  addEphemeral(text: string): void {
    this.#ephemeral.push(text);
    if (this.#ephemeral.length > MOST_EPHEMERAL) this.#ephemeral.shift();
    this.wake();
  }

  /** One of its users is invited to a room that is not here, or so: an event that is not in the log has a place there. */
  addOutside(place: number): void {
    this.#outsideUpTo = Math.max(this.#outsideUpTo, place);
    this.wake();
  }

  /** There may be something to tell. Does nothing while the service is left in peace after a failure. */
  wake(): void {
    this.#runs.ask();
  }

  /** The service has shown that it is there: what waits is sent now. */
  retry(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#failures = 0;
    this.wake();
  }

  /** Ends what is under way; what was not taken is sent after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#timer?.cancel();
    await this.#runs.settled();
  }

  #beginRun(): Promise<void> | undefined {
    if (this.#stopping.signal.aborted || this.#timer) return undefined;
    return this.#run().catch((error: unknown) => {
      this.#needs.onError(error);
      this.#sleep();
    });
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (!(await this.#lease())) return;
      this.#current ??= await this.#next();
      if (!this.#current) return;
      if (!(await this.#send(this.#current))) return this.#sleep();
      await this.#taken(this.#current);
    }
  }

  /** Whether it is this process that tells the service; looks again later while it is another. */
  async #lease(): Promise<boolean> {
    const { leases } = this.#needs;
    if (leases.holds(this.service.id)) return true;
    if (await leases.claim(this.service.id)) {
      await this.#load();
      return true;
    }
    this.#current = undefined;
    this.#ephemeral.length = 0;
    this.#timer = this.#needs.timers.after(OTHERS_TURN_MS, () => this.retry());
    return false;
  }

  /** Goes on where the last process stopped, with the transaction that it may have sent. */
  async #load(): Promise<void> {
    const row = await queuesStore.byId(this.#needs.database, this.service.id);
    if (!row)
      throw new Error(`The queue of the application service ${this.service.id} is not in the database`);
    this.#position = row.position;
    this.#outsideUpTo = Math.max(this.#outsideUpTo, this.#needs.database.position());
    const { transaction_id: id, transaction_body: body, transaction_upto: upTo } = row;
    const isKept = id !== null && body !== null && upTo !== null;
    this.#current = isKept ? { id, body, upTo, isKept } : undefined;
  }

  async #next(): Promise<Transaction | undefined> {
    const { database } = this.#needs;
    for (let from = this.#position ?? 0; ;) {
      const upTo = database.position();
      const rows = await queuesStore.events(database, from, upTo, MOST_LOOKED_AT);
      const isRest = rows.length < MOST_LOOKED_AT;
      const outside = await this.#outside(from, isRest ? upTo : (rows.at(-1)?.position ?? upTo));
      const { events, reached } = await this.#concerning(rows, outside);
      const isEnd = isRest && events.length < MOST_EVENTS;
      from = isEnd ? upTo : reached;
      const ephemeral = this.#ephemeral.splice(0, EPHEMERAL_AT_ONCE);
      if (events.length > 0 || ephemeral.length > 0) return this.#begin(events, ephemeral, from);
      this.#position = from;
      if (isEnd) return undefined;
    }
  }

  /** Events of rooms that are not here, as many as one transaction takes; not asked for where there can be none. */
  async #outside(after: number, upTo: number): Promise<Placed[]> {
    if (after >= this.#outsideUpTo) return [];
    const { database, log } = this.#needs;
    const range = { after, upTo, limit: MOST_EVENTS };
    const rows = await queuesStore.outsideEvents(database, this.service.id, range);
    return rows.map((row) => ({ event: log.intern(row), place: row.place }));
  }

  /** Those events that concern the service, in order, at most as many as one transaction takes. */
  async #concerning(
    rows: readonly EventRow[],
    outside: readonly Placed[],
  ): Promise<{ events: Seen[]; reached: number }> {
    const inLog = rows.map((row) => ({ event: this.#needs.log.intern(row), place: row.position }));
    const all = outside.length === 0 ? inLog : [...inLog, ...outside].sort((a, b) => a.place - b.place);
    const { interest } = this.#needs;
    const wanted: Seen[] = [];
    let reached = this.#position ?? 0;
    for (const { event, place } of all) {
      const isOutside = place !== event.position;
      const sight = isOutside ? this.service.sender : await interest.sightOf(this.service, event);
      if (sight !== undefined) wanted.push({ event, sight });
      reached = place;
      if (wanted.length === MOST_EVENTS) break;
    }
    return { events: wanted, reached };
  }

  async #begin(events: readonly Seen[], ephemeral: readonly string[], upTo: number): Promise<Transaction> {
    const { database, clock, clientEvents } = this.#needs;
    const viewer = { userId: this.service.sender, deviceId: undefined, now: clock.now() };
    const texts: string[] = [];
    for (const { event, sight } of events) texts.push(await clientEvents.text(event, viewer, { sight }));
    let body = `{"events":[${texts.join(',')}]`;
    if (this.service.receiveEphemeral) {
      const list = ephemeral.join(',');
      body += `,"ephemeral":[${list}],"de.sorunome.msc2409.ephemeral":[${list}]`;
    }
    const id = `${upTo}-${Math.floor(this.#needs.draw() * 2 ** 32).toString(36)}`;
    const transaction = { id, body: `${body}}`, upTo };
    if (events.length === 0) return { ...transaction, isKept: false };
    const unit = new UnitOfWork();
    queuesStore.begin(unit, this.service.id, this.#needs.leases.owner, transaction);
    await database.commit(unit);
    return { ...transaction, isKept: true };
  }

  async #send({ id, body }: Transaction): Promise<boolean> {
    const path = `/transactions/${encodeURIComponent(id)}`;
    const { signal } = this.#stopping;
    const request = { method: 'PUT', path, legacyPath: path, body, timeoutMs: TIMEOUT_MS, signal } as const;
    try {
      const { status } = await this.#needs.client.request(this.service, request);
      return status >= 200 && status < 300;
    } catch (error) {
      if (error instanceof OutgoingError || signal.aborted) return false;
      throw error;
    }
  }

  async #taken({ upTo, isKept }: Transaction): Promise<void> {
    const mayHaveOutside = (this.#position ?? 0) < this.#outsideUpTo;
    this.#failures = 0;
    this.#position = upTo;
    this.#current = undefined;
    if (!isKept) return;
    const unit = new UnitOfWork();
    queuesStore.taken(unit, this.service.id, this.#needs.leases.owner, upTo);
    if (mayHaveOutside) queuesStore.removeOutside(unit, this.service.id, upTo);
    await this.#needs.database.commit(unit);
  }

  #sleep(): void {
    if (this.#stopping.signal.aborted) return;
    const ms = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 20), LONGEST_RETRY_MS);
    this.#failures += 1;
    const waitMs = ms * (0.75 + this.#needs.draw() / 2);
    this.#timer = this.#needs.timers.after(waitMs, () => {
      this.#timer = undefined;
      this.wake();
    });
  }
}

import type { TaskQueue } from '../../platform/task-queue.ts';
import type { Timer, Timers } from '../../platform/timers.ts';
import type { EventId, ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Database } from '../../storage/database.ts';
import * as destinationsStore from '../../storage/federation/destinations-store.ts';
import * as outgoingStore from '../../storage/federation/outgoing-store.ts';
import type { ProcessLeases } from '../../storage/process-leases.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { BackOff } from '../back-off.ts';
import type { FederationClient } from '../federation-client.ts';
import { FederationError } from '../federation-error.ts';
import { MOST_EDUS } from '../receiving/transaction-receiver.ts';
import { StoredEdus } from './stored-edus.ts';
import { TransactionSize } from './transaction-size.ts';
import { UntakenEvents } from './untaken-events.ts';
import { VolatileEdus, type VolatileEdu } from './volatile-edus.ts';

/** What the queues of all servers use together. */
export interface QueueNeeds {
  readonly database: Database;
  readonly client: FederationClient;
  readonly backOff: BackOff;
  readonly leases: ProcessLeases<ServerName>;
  readonly clock: { now(): number };
  readonly timers: Timers;
  /** Limits how many transactions are under way at once. */
  readonly slots: TaskQueue;
  /** The events as servers exchange them; those that are not there any more are left out. */
  readonly pdusOf: (eventIds: readonly EventId[], to: ServerName) => Promise<JsonObject[]>;
  readonly transactionId: () => string;
  readonly onProblem: (error: unknown) => void;
}

/** A transaction that is being sent, until the server has taken it. */
interface Transaction {
  readonly id: string;
  readonly body: JsonObject;
  /** How many events and EDUs it has. */
  readonly holds: { readonly pdus: number; readonly edus: number };
  /** Position of its last event, and of its last stored EDU. */
  readonly events: number | undefined;
  readonly edus: number | undefined;
}

const TIMEOUT_MS = 60_000;
/** How long the position that a server has reached may go unwritten, in milliseconds: it would get events twice. */
const FLUSH_MS = 1_000;
/** A transaction of so many events says that more come at once: the next one waits for company. */
const MANY = 4;
/** How long what is to be sent waits for company at most, in milliseconds. */
export const GATHERING_MS = 10;
/** How long a transaction under way may take on when the queue stops, in milliseconds. */
const PATIENCE_MS = 2_000;
/** Answers by which a server does not judge the transaction, but says that something is wrong with itself or the way. */
const TRANSIENT: ReadonlySet<number> = new Set([401, 403, 404, 408]);

/**
 * What one server is sent: events in the order of the log, and ephemeral data, one transaction at a time. The log itself
 * is the queue; the server has a position in it.
 */
export class DestinationQueue {
  readonly server: ServerName;
  readonly #needs: QueueNeeds;
  readonly #events: UntakenEvents;
  readonly #storedEdus: StoredEdus;
  readonly #volatileEdus = new VolatileEdus();
  #current: Transaction | undefined;
  /** The transaction that this process sent last, by which the server may see that it missed none (October 2015). */
  #previousIds: readonly string[] = [];
  readonly #size = new TransactionSize();
  #isRunning = false;
  #running: Promise<void> | undefined;
  #sleep: Timer | undefined;
  /** It sleeps for a moment only, in which more events come. */
  #isGathering = false;
  #flush: Timer | undefined;
  #isStopped = false;
  /** Aborts what is under way for too long when the queue stops. */
  readonly #stopping = new AbortController();

  constructor(server: ServerName, needs: QueueNeeds) {
    this.server = server;
    this.#needs = needs;
    this.#events = new UntakenEvents(server, needs.database);
    this.#storedEdus = new StoredEdus(server, needs.database);
  }

  /** Whether there is nothing to do and nothing to be written down. */
  get isIdle(): boolean {
    return !this.#isRunning && !this.#sleep && !this.#flush && !this.#hasWork;
  }

  /**
   * An event at a position is for the server. Positions only grow.
   *
   * @param isFirst whether stored EDUs are likely to follow it at once, which then go with it.
   */
  addEvent(position: number, eventId: EventId, isFirst = false): void {
    const isNew = this.#events.add(position, eventId);
    if (!isNew) return;
    if (isFirst && !this.#isRunning && !this.#sleep) this.#gather();
    else if (!this.#isGathering || this.#events.fillTransaction) this.wake();
  }

  addEdu(edu: VolatileEdu): void {
    this.#volatileEdus.add(edu, this.#needs.clock.now());
    this.wake();
  }

  /** Stored EDUs were added. */
  expectStoredEdus(): void {
    this.#storedEdus.readAgain();
    this.wake();
  }

  /** Events may have been missed: what the server has not taken is read from the log. */
  readAgain(): void {
    this.#events.readAgain();
    this.#storedEdus.readAgain();
    this.wake();
  }

  /** Sends what there is, at once if the queue sleeps. */
  wake(): void {
    this.#sleep?.cancel();
    this.#sleep = undefined;
    this.#isGathering = false;
    if (this.#isRunning || this.#isStopped) return;
    this.#isRunning = true;
    this.#running = this.#run();
  }

  /** Ends after the transaction under way, and writes down what was taken. */
  async stop(): Promise<void> {
    const patience = this.#needs.timers.after(PATIENCE_MS, () => this.#stopping.abort());
    this.#isStopped = true;
    this.#sleep?.cancel();
    await this.#running;
    patience.cancel();
    if (this.#flush) await this.#writeTaken();
  }

  get #hasWork(): boolean {
    return (
      !this.#events.isEmpty || !this.#storedEdus.isEmpty || !this.#volatileEdus.isEmpty || !!this.#current
    );
  }

  async #run(): Promise<void> {
    try {
      while (this.#hasWork && !this.#sleep && !this.#isStopped) {
        await this.#needs.slots.run(() => this.#drain());
      }
    } catch (error) {
      this.#needs.onProblem(error);
      this.#startOver();
      this.#sleepFor(TIMEOUT_MS);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Sends one transaction after the other until nothing is left or the server has to be left in peace. */
  async #drain(): Promise<void> {
    const { backOff } = this.#needs;
    while (!this.#isStopped) {
      const waitMs = backOff.answers(this.server) ? 0 : await backOff.waitMs(this.server);
      if (waitMs > 0) return this.#sleepFor(waitMs);
      if (!this.#needs.leases.holds(this.server) && !(await this.#lease())) return;
      this.#current ??= await this.#next();
      if (!this.#current) return;
      const current = this.#current;
      if (await this.#send(current)) {
        this.#note(current);
        if (current.holds.pdus >= MANY && !this.#events.fillTransaction) return this.#gather();
      } else if (await this.#failsForLong()) this.#startOver();
    }
  }

  /** Lets what is to be sent come together: a transaction of much costs both servers little more than one of little. */
  #gather(): void {
    if (this.#isStopped) return;
    this.#sleepFor(GATHERING_MS);
    this.#isGathering = true;
  }

  /** What is in the transaction is left to be caught up with: it may be long before it can be sent. */
  #startOver(): void {
    this.#current = undefined;
    this.#events.readAgain();
    this.#storedEdus.readAgain();
  }

  async #failsForLong(): Promise<boolean> {
    const since = await this.#needs.backOff.failingSince(this.server);
    return since !== undefined && this.#needs.clock.now() - since > TIMEOUT_MS;
  }

  /** Tries to become the one process that sends to the server. */
  async #lease(): Promise<boolean> {
    const { leases, database, clock } = this.#needs;
    const isMine = await leases.claim(this.server);
    const known = await destinationsStore.of(database, this.server);
    this.#events.goOnFrom(known?.position ?? 0);
    this.#startOver();
    if (isMine) return true;
    await this.#events.look();
    await this.#storedEdus.look();
    this.#volatileEdus.take(MOST_EDUS, clock.now());
    const until = await outgoingStore.leasedUntil(database, this.server);
    if (this.#hasWork) this.#sleepFor(Math.max(until - clock.now(), 0) + FLUSH_MS);
    return false;
  }

  async #next(): Promise<Transaction | undefined> {
    const { clock, client } = this.#needs;
    const events = await this.#events.next(this.#size.pdus);
    const { edus, upTo } = await this.#storedEdus.next(this.#size.edus);
    edus.push(...this.#volatileEdus.take(this.#size.edus - edus.length, clock.now()));
    if (events.length === 0 && edus.length === 0) return undefined;
    const pdus = await this.#needs.pdusOf(
      events.map((event) => event.eventId),
      this.server,
    );
    const body: JsonObject = {
      origin: client.serverName,
      origin_server_ts: clock.now(),
      previous_ids: [...this.#previousIds],
      pdus,
    };
    if (edus.length > 0) body.edus = edus;
    return {
      id: this.#needs.transactionId(),
      body,
      holds: { pdus: pdus.length, edus: edus.length },
      events: events.at(-1)?.position,
      edus: upTo,
    };
  }

  /** Whether the server has taken the transaction, or judged that it never will. */
  async #send({ id, body, holds }: Transaction): Promise<boolean> {
    const path = `/_matrix/federation/v1/send/${encodeURIComponent(id)}`;
    try {
      const { signal } = this.#stopping;
      const request = { method: 'PUT', path, body, timeoutMs: TIMEOUT_MS, signal } as const;
      await this.#needs.client.request(this.server, request);
      return true;
    } catch (error) {
      if (!(error instanceof FederationError)) throw error;
      if (error.isTransient) return false;
      if (error.status === 413 && this.#size.halve(holds)) {
        this.#startOver();
        return false;
      }
      if (error.reason !== 'bad-answer' && !TRANSIENT.has(error.status ?? 0)) {
        this.#needs.onProblem(error);
        return true;
      }
      await this.#needs.backOff.failed(this.server);
      return false;
    }
  }

  #note({ id, events, edus }: Transaction): void {
    this.#current = undefined;
    this.#size.grow();
    this.#previousIds = [id];
    if (events === undefined && edus === undefined) return;
    this.#events.noteTaken(events ?? 0);
    this.#storedEdus.noteTaken(edus ?? 0);
    this.#flush ??= this.#needs.timers.after(FLUSH_MS, () => {
      this.#writeTaken().catch(this.#needs.onProblem);
    });
  }

  async #writeTaken(): Promise<void> {
    this.#flush?.cancel();
    this.#flush = undefined;
    const unit = new UnitOfWork();
    outgoingStore.taken(unit, this.server, this.#needs.leases.owner, this.#events.taken);
    this.#storedEdus.removeTaken(unit);
    await this.#needs.database.commit(unit);
  }

  #sleepFor(ms: number): void {
    this.#sleep?.cancel();
    this.#sleep = this.#needs.timers.after(ms, () => this.wake());
  }
}

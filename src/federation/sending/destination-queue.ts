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
import type { FederationError } from '../federation-error.ts';
import { MOST_EDUS } from '../receiving/transaction-receiver.ts';
import { FailingTransactions } from './failing-transactions.ts';
import {
  transactionBody,
  type OutgoingTransaction,
  type WrittenTransaction,
} from './outgoing-transaction.ts';
import type { SendingSlots } from './sending-slots.ts';
import { StoredEdus } from './stored-edus.ts';
import { isOfServer, sendTransaction } from './transaction-sending.ts';
import { TransactionSize } from './transaction-size.ts';
import { UntakenEvents } from './untaken-events.ts';
import { VolatileEdus, type VolatileEdu, type WireEdu } from './volatile-edus.ts';

/** What the queues of all servers use together. */
export interface QueueNeeds {
  readonly database: Database;
  readonly client: FederationClient;
  readonly backOff: BackOff;
  readonly leases: ProcessLeases<ServerName>;
  readonly clock: { now(): number };
  readonly timers: Timers;
  /** Limits how many transactions are under way at once. */
  readonly slots: SendingSlots;
  /** The events as servers exchange them; those that are not there any more are left out. */
  readonly pdusOf: (eventIds: readonly EventId[], to: ServerName) => Promise<JsonObject[]>;
  readonly transactionId: () => string;
  readonly onProblem: (error: unknown) => void;
}

/** After so long, in milliseconds, what was to be sent is read again: it is there for longer than memory is. */
const LONG_MS = 60_000;
/** How long the position that a server has reached may go unwritten, in milliseconds: it would get events twice. */
const FLUSH_MS = 1_000;
/** A transaction of so many events says that more come at once: the next one waits for company. */
const MANY = 4;
/** How long what is to be sent waits for company at most, in milliseconds. */
export const GATHERING_MS = 10;
/** How long a transaction under way may take on when the queue stops, in milliseconds. */
const PATIENCE_MS = 2_000;

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
  #current: OutgoingTransaction | undefined;
  /** The transaction that this process sent last, by which the server may see that it missed none (October 2015). */
  #previousIds: readonly string[] = [];
  readonly #size = new TransactionSize();
  readonly #failing = new FailingTransactions();
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
    this.#storedEdus = new StoredEdus(server, needs.database, needs.onProblem);
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
        await this.#needs.slots.run(this.server, (mayGoOn) => this.#drain(mayGoOn));
      }
    } catch (error) {
      this.#needs.onProblem(error);
      this.#startOver();
      this.#sleepFor(LONG_MS);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Sends one transaction after the other until nothing is left or the server has to be left in peace. */
  async #drain(mayGoOn: () => boolean): Promise<void> {
    const { backOff } = this.#needs;
    while (!this.#isStopped && mayGoOn()) {
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
    return since !== undefined && this.#needs.clock.now() - since > LONG_MS;
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

  async #next(): Promise<OutgoingTransaction | undefined> {
    const events = await this.#events.next(this.#size.pdus);
    const { edus, upTo } = await this.#nextEdus(Math.max(this.#size.edus, events.length === 0 ? 1 : 0));
    if (events.length === 0 && edus.length === 0) {
      if (this.#size.pdus > 0) return undefined;
      this.#size.grow();
      return this.#next();
    }
    const pdus = await this.#needs.pdusOf(
      events.map((event) => event.eventId),
      this.server,
    );
    return {
      ...this.#write(this.#previousIds, pdus, edus),
      id: this.#needs.transactionId(),
      events: events.at(-1)?.position,
      edus: upTo,
    };
  }

  async #nextEdus(limit: number): Promise<{ edus: WireEdu[]; upTo: number | undefined }> {
    const { edus, upTo } = await this.#storedEdus.next(limit);
    edus.push(...this.#volatileEdus.take(limit - edus.length, this.#needs.clock.now()));
    return { edus, upTo };
  }

  /**
   * Whether the server has taken the transaction, or never will. Where it judges that it will not, or takes an empty one and
   * not this one, this one is sent in smaller parts, and the part of it that is to blame is left out.
   */
  async #send(transaction: OutgoingTransaction): Promise<boolean> {
    const { clock, transactionId, onProblem } = this.#needs;
    if (this.#failing.needsProof(transaction, clock.now())) {
      const failure = await this.#put({ ...this.#write([], [], []), id: transactionId() });
      this.#failing.proved(!failure, clock.now());
      if (failure) return false;
    }
    const failure = await this.#put(transaction);
    if (!failure) return true;
    const isUnjudged = isOfServer(failure);
    if (isUnjudged && (this.#isStopped || !this.#failing.failed(transaction, clock.now()))) return false;
    if (this.#size.halve(transaction.holds)) {
      this.#startOver();
      return false;
    }
    onProblem(failure);
    return true;
  }

  #put(transaction: Pick<OutgoingTransaction, 'id' | 'body'>): Promise<FederationError | undefined> {
    const send = () => sendTransaction(this.server, transaction, this.#needs, this.#stopping.signal);
    return this.#needs.slots.timed(this.server, send);
  }

  #write(previousIds: readonly string[], pdus: JsonObject[], edus: WireEdu[]): WrittenTransaction {
    const { clock, client, onProblem } = this.#needs;
    const head = { origin: client.serverName, at: clock.now(), previousIds };
    return transactionBody(head, pdus, edus, onProblem);
  }

  #note({ id, events, edus }: OutgoingTransaction): void {
    this.#current = undefined;
    this.#size.grow();
    this.#previousIds = [id];
    this.#events.noteTaken(events ?? 0);
    this.#storedEdus.noteTaken(edus ?? 0);
    this.#failing.passed({ events: this.#events.taken, edus: this.#storedEdus.taken });
    if (events === undefined && edus === undefined) return;
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

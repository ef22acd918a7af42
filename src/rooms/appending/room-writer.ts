import { UsedLately } from '../../platform/used-lately.ts';
import type { RoomId } from '../../protocol/identifiers.ts';
import { MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import { GuardFailed, type Change, type Database, type Reader, type Writer } from '../../storage/database.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { NO_TIME_TO_SIGN, PolicyServerNeeded } from './policy-signing.ts';
import { eventChange, roomVersionChanged } from '../events/room-changes.ts';
import { RoomHead, type HeadPoint } from './room-head.ts';
import { RoomTransaction, type TransactionNeeds } from './room-transaction.ts';
import { StoredEvent } from '../events/stored-event.ts';
import { writeTransaction } from './write-transaction.ts';

/** Decides what to append. Run again from the start when another writer was first, so it must have no side effects. */
export type Decide<Result> = (transaction: RoomTransaction, unit: Writer) => Promise<Result>;

interface Actor {
  head: RoomHead | undefined;
  /** Ends when the last decision in line is made. */
  tail: Promise<unknown>;
  /** What was handed to the database and is not kept yet. */
  readonly underWay: Set<Promise<void>>;
}

/** What was decided, and what decides it anew. */
interface Attempt<Result> {
  readonly result: Result;
  readonly decide: Decide<Result>;
  readonly tries: number;
}

/**
 * How often something is decided anew because other processes were first, where a policy server is asked each time or
 * nothing is to be written.
 */
const MOST_TRIES = 5;
/** Rooms whose head is kept in memory at most, with some 10 kB of state for each, and for how many decisions about others. */
const WARM_ROOMS = 1_000;
const WARM_FOR = 5_000;

/**
 * Appends events to rooms. Decisions on one room are made one after the other, against the head in memory, and
 * handed to the database without waiting for the disk; the caller is answered when its unit is durable. When another
 * process was first, the decision is made again while nobody else can commit.
 */
export class RoomWriter {
  readonly #database: Database;
  readonly #needs: TransactionNeeds;
  readonly #actors = new UsedLately<RoomId, Actor>(WARM_ROOMS, WARM_FOR);

  constructor(database: Database, needs: TransactionNeeds) {
    this.#database = database;
    this.#needs = needs;
    database.subscribe((changes) => {
      for (const change of changes) this.#observe(change);
    });
  }

  /**
   * Appends to a room. Resolves when the events are durable and everybody in this process can see them.
   *
   * @throws MatrixError 404 for an unknown room, and whatever `decide` throws.
   */
  append<Result>(roomId: RoomId, decide: Decide<Result>): Promise<Result> {
    const actor = this.#actor(roomId);
    return this.#inTurn(actor, () => this.#attempt(actor, roomId, decide, 1));
  }

  /** A room that this process has in use, and where it stands; undefined for others. */
  knownRoom(roomId: RoomId): { readonly version: RoomVersion; readonly point: HeadPoint } | undefined {
    const head = this.#actors.peek(roomId)?.head;
    return head?.stale === false ? head : undefined;
  }

  /** Makes a room. `head` is that of a room without events. */
  async create<Result>(head: RoomHead, decide: Decide<Result>): Promise<Result> {
    const transaction = new RoomTransaction(head, this.#needs);
    const unit = new UnitOfWork();
    const result = await decide(transaction, unit);
    try {
      await this.#database.commit(writeTransaction(unit, transaction, true));
    } catch (error) {
      this.#drop(transaction);
      throw error;
    }
    this.#takeIn(transaction);
    return result;
  }

  /** Waits for the decisions in line, makes this one, and waits for its disk outside the line. */
  async #inTurn<Result>(actor: Actor, turn: () => Promise<() => Promise<Result>>): Promise<Result> {
    const decided = actor.tail.then(turn);
    actor.tail = decided.catch(() => undefined);
    return (await decided)();
  }

  async #attempt<Result>(
    actor: Actor,
    roomId: RoomId,
    decide: Decide<Result>,
    tries: number,
  ): Promise<() => Promise<Result>> {
    const head = await this.#head(actor, roomId);
    const transaction = new RoomTransaction(head, this.#needs);
    const unit = new UnitOfWork();
    const result = await decide(transaction, unit);
    if (transaction.isEmpty && unit.writes.length === 0) {
      this.#needs.tries.settle(transaction.nodes);
      if (tries < MOST_TRIES && !(await this.#isCurrent(head))) {
        head.stale = true;
        return this.#attempt(actor, roomId, decide, tries + 1);
      }
      const kept = Promise.all(actor.underWay);
      return () => this.#onceKept(actor, roomId, kept, { result, decide, tries });
    }
    const committed = this.#database.commit(writeTransaction(unit, transaction, false));
    head.advance(transaction);
    actor.underWay.add(committed);
    return () => this.#finish(actor, roomId, committed, { transaction, result, decide, tries });
  }

  /**
   * Whether nobody else wrote to the room, as far as that shows while own units are under way, which the head counts already. Who
   * writes finds that out by it; who decides to write nothing has to ask.
   */
  async #isCurrent(head: RoomHead): Promise<boolean> {
    if (this.#database.engine === 'sqlite') return !head.stale;
    const version = await roomsStore.versionOf(this.#needs.reader, head.roomId);
    return !head.stale && (version === undefined || version <= head.point.version);
  }

  /** That nothing is to be written may rest on what was under way: it holds if that is kept, and then nobody was in between. */
  async #onceKept<Result>(
    actor: Actor,
    roomId: RoomId,
    kept: Promise<unknown>,
    { result, decide, tries }: Attempt<Result>,
  ): Promise<Result> {
    try {
      await kept;
    } catch {
      if (tries < MOST_TRIES) {
        return this.#inTurn(actor, () => this.#attempt(actor, roomId, decide, tries + 1));
      }
    }
    return result;
  }

  async #finish<Result>(
    actor: Actor,
    roomId: RoomId,
    committed: Promise<void>,
    attempt: Attempt<Result> & { readonly transaction: RoomTransaction },
  ): Promise<Result> {
    const { transaction } = attempt;
    try {
      await committed;
    } catch (error) {
      transaction.head.stale = true;
      this.#drop(transaction);
      if (!(error instanceof GuardFailed)) throw error;
      return this.#inTurn(actor, () => this.#again(actor, roomId, attempt.decide, attempt.tries));
    } finally {
      actor.underWay.delete(committed);
    }
    this.#settle(transaction);
    return attempt.result;
  }

  /** While nobody else can commit, no other server may be waited for: where one is asked, others may be first again. */
  async #again<Result>(
    actor: Actor,
    roomId: RoomId,
    decide: Decide<Result>,
    tries: number,
  ): Promise<() => Promise<Result>> {
    try {
      return await this.#exclusively(actor, roomId, decide);
    } catch (error) {
      if (!(error instanceof PolicyServerNeeded)) throw error;
      if (tries < MOST_TRIES) return this.#attempt(actor, roomId, decide, tries + 1);
      throw new MatrixError(503, 'M_UNKNOWN', 'The room changes faster than its policy server answers');
    }
  }

  /** The second try: nobody can commit between the decision and its commit. */
  async #exclusively<Result>(
    actor: Actor,
    roomId: RoomId,
    decide: Decide<Result>,
  ): Promise<() => Promise<Result>> {
    let made: { transaction: RoomTransaction; result: Result } | undefined;
    await this.#database.exclusive(async (reader) => {
      const head = actor.head ?? (await RoomHead.load(reader, roomId));
      if (!head) throw notFound('There is no such room');
      actor.head = head;
      await head.refresh(reader, this.#needs.tries);
      const now = { reader, committed: eventsIn(reader), policy: NO_TIME_TO_SIGN };
      const transaction = new RoomTransaction(head, { ...this.#needs, ...now });
      const unit = new UnitOfWork();
      made = { transaction, result: await decide(transaction, unit) };
      return writeTransaction(unit, transaction, false);
    });
    if (!made) throw new Error('The database did not run an exclusive unit of work');
    const { transaction, result } = made;
    transaction.head.advance(transaction);
    this.#settle(transaction);
    return () => Promise.resolve(result);
  }

  #settle(transaction: RoomTransaction): void {
    this.#needs.tries.settle(transaction.nodes);
    transaction.head.committed(transaction);
    if (transaction.successor) this.#takeIn(transaction.successor);
  }

  /** A room that was made is in use from now on. */
  #takeIn(made: RoomTransaction): void {
    made.head.advance(made);
    this.#settle(made);
    this.#actor(made.roomId).head ??= made.head;
  }

  /** What was decided is not kept. */
  #drop(transaction: RoomTransaction): void {
    this.#needs.tries.settle(transaction.nodes);
    if (transaction.successor) this.#drop(transaction.successor);
  }

  async #head(actor: Actor, roomId: RoomId): Promise<RoomHead> {
    if (actor.head?.stale) await actor.head.refresh(this.#needs.reader, this.#needs.tries);
    actor.head ??= await RoomHead.load(this.#needs.reader, roomId);
    if (!actor.head) {
      this.#actors.delete(roomId);
      throw notFound('There is no such room');
    }
    return actor.head;
  }

  #actor(roomId: RoomId): Actor {
    const known = this.#actors.get(roomId);
    if (known) return known;
    const actor: Actor = { head: undefined, tail: Promise.resolve(), underWay: new Set() };
    this.#actors.set(roomId, actor);
    return actor;
  }

  #observe(change: Change): void {
    if (change.topic === 'reset') {
      for (const actor of this.#actors.values()) actor.head?.missedChanges();
      return;
    }
    const version = change.isOwn ? undefined : roomVersionChanged(change);
    if (version === undefined) return;
    const redacted = eventChange(change)?.redacted;
    for (const roomId of change.rooms) this.#actors.peek(roomId)?.head?.overtaken(version, redacted);
  }
}

/** Events as the database has them. What is kept in memory may be what another process has just changed. */
function eventsIn(reader: Reader): TransactionNeeds['committed'] {
  return {
    byIds: async (ids) => (await eventsStore.byIds(reader, ids)).map((row) => new StoredEvent(row)),
  };
}

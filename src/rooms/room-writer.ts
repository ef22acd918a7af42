import { boundedCache } from '../platform/bounded-cache.ts';
import type { EventId, RoomId, UserId } from '../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../protocol/json.ts';
import { notFound } from '../protocol/matrix-error.ts';
import { GuardFailed, type Change, type Database, type Writer } from '../storage/database.ts';
import * as eventsStore from '../storage/events-store.ts';
import * as membershipsStore from '../storage/memberships-store.ts';
import * as relationsStore from '../storage/relations-store.ts';
import * as roomsStore from '../storage/rooms-store.ts';
import { type Position, UnitOfWork } from '../storage/unit-of-work.ts';
import { RoomHead } from './room-head.ts';
import { RoomTransaction, type TransactionNeeds } from './room-transaction.ts';
import { writeServerMoves } from './server-moves.ts';
import { insertNodes } from './state-trie.ts';
import { rootToBytes, type StoredEvent } from './stored-event.ts';

/** Data of a change with topic `event`. */
export interface EventChange extends JsonObject {
  eventId: EventId;
  type: string;
  stateKey?: string;
  membership?: string;
  sender: UserId;
  /** Version of the room after the unit that the event is of. */
  version: number;
  /** The event that this one relates to, where that is counted (`aggregations-store.ts`). */
  parent?: EventId;
  /** The event that this one redacted. */
  redacted?: EventId;
  /** The event is for the other servers in the room. */
  outgoing?: true;
}

/** Decides what to append. Run again from the start when another writer was first, so it must have no side effects. */
export type Decide<Result> = (transaction: RoomTransaction, unit: Writer) => Promise<Result>;

interface Actor {
  head: RoomHead | undefined;
  /** Ends when the last decision in line is made. */
  tail: Promise<unknown>;
}

/** Rooms whose head is kept in memory. */
const WARM_ROOMS = 5_000;

/**
 * Appends events to rooms. Decisions on one room are made one after the other, against the head in memory, and
 * handed to the database without waiting for the disk; the caller is answered when its unit is durable. When another
 * process was first, the decision is made again while nobody else can commit.
 */
export class RoomWriter {
  readonly #database: Database;
  readonly #needs: TransactionNeeds;
  readonly #actors = boundedCache<RoomId, Actor>(WARM_ROOMS);

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
    return this.#inTurn(actor, () => this.#attempt(actor, roomId, decide));
  }

  /** Makes a room. `head` is that of a room without events. */
  async create<Result>(head: RoomHead, decide: Decide<Result>): Promise<Result> {
    const transaction = new RoomTransaction(head, this.#needs);
    const unit = new UnitOfWork();
    const result = await decide(transaction, unit);
    try {
      await this.#database.commit(fill(unit, transaction, true));
    } finally {
      this.#needs.tries.settle(transaction.nodes);
    }
    head.advance(transaction);
    head.committed(transaction);
    this.#actor(head.roomId).head ??= head;
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
  ): Promise<() => Promise<Result>> {
    const head = await this.#head(actor, roomId);
    const transaction = new RoomTransaction(head, this.#needs);
    const unit = new UnitOfWork();
    const result = await decide(transaction, unit);
    if (transaction.events.length === 0 && unit.writes.length === 0) return () => Promise.resolve(result);
    const committed = this.#database.commit(fill(unit, transaction, false));
    if (transaction.events.length > 0) head.advance(transaction);
    return () => this.#finish(actor, roomId, committed, { transaction, result, decide });
  }

  async #finish<Result>(
    actor: Actor,
    roomId: RoomId,
    committed: Promise<void>,
    attempt: { transaction: RoomTransaction; result: Result; decide: Decide<Result> },
  ): Promise<Result> {
    const { transaction } = attempt;
    try {
      await committed;
    } catch (error) {
      transaction.head.stale = true;
      this.#needs.tries.settle(transaction.nodes);
      if (!(error instanceof GuardFailed)) throw error;
      return this.#inTurn(actor, () => this.#exclusively(actor, roomId, attempt.decide));
    }
    this.#settle(transaction);
    return attempt.result;
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
      await head.refresh(reader);
      const transaction = new RoomTransaction(head, { ...this.#needs, reader });
      const unit = new UnitOfWork();
      made = { transaction, result: await decide(transaction, unit) };
      return fill(unit, transaction, false);
    });
    if (!made) throw new Error('The database did not run an exclusive unit of work');
    const { transaction, result } = made;
    if (transaction.events.length > 0) transaction.head.advance(transaction);
    this.#settle(transaction);
    return () => Promise.resolve(result);
  }

  #settle(transaction: RoomTransaction): void {
    this.#needs.tries.settle(transaction.nodes);
    if (transaction.events.length > 0) transaction.head.committed(transaction);
  }

  async #head(actor: Actor, roomId: RoomId): Promise<RoomHead> {
    if (actor.head?.stale) await actor.head.refresh(this.#needs.reader);
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
    const actor: Actor = { head: undefined, tail: Promise.resolve() };
    this.#actors.set(roomId, actor);
    return actor;
  }

  #observe(change: Change): void {
    if (change.topic === 'reset') {
      for (const actor of this.#actors.values()) if (actor.head) actor.head.stale = true;
      return;
    }
    if (change.topic !== 'event' || change.local !== undefined) return;
    const data = change.data as EventChange;
    for (const roomId of change.rooms) this.#actors.peek(roomId)?.head?.overtaken(data.version);
  }
}

/** Writes down everything that a transaction decided. */
function fill(unit: UnitOfWork, transaction: RoomTransaction, isNewRoom: boolean): UnitOfWork {
  const { head, point, events } = transaction;
  if (events.length === 0) return unit;
  const { version, extremities } = head.point;
  point.version = isNewRoom ? 1 : version + 1;
  const positions = new Map<StoredEvent, Position>();
  for (const event of events) positions.set(event, unit.position());
  const newest = positions.get(events.at(-1) as StoredEvent) as Position;
  const before = { version, extremities: JSON.stringify(extremities) };
  writeRoom(unit, transaction, isNewRoom ? undefined : before, newest);
  insertNodes(unit, transaction.nodes);
  writeServerMoves(unit, head.roomId, transaction.serverMoves, newest);
  const hasOthers =
    head.point.remoteJoined > 0 || point.remoteJoined > 0 || transaction.serverMoves.length > 0;
  for (const [event, position] of positions) {
    const outgoing = hasOthers && transaction.outgoing.has(event);
    writeEvent(unit, event, position, { version: point.version, outgoing });
  }
  if (transaction.transactionKey) eventsStore.rememberTransaction(unit, transaction.transactionKey, newest);
  for (const event of transaction.state.values()) writeState(unit, event, positions.get(event) as Position);
  for (const one of transaction.redactions) {
    eventsStore.redact(unit, one.target, one.redactedBy, one.content, one.envelope);
    if (one.relation) relationsStore.remove(unit, one.relation);
  }
  return unit;
}

function writeRoom(
  unit: UnitOfWork,
  transaction: RoomTransaction,
  before: roomsStore.RoomGuard | undefined,
  newest: Position,
): void {
  const { head, point } = transaction;
  const extremities = JSON.stringify(point.extremities);
  if (before !== undefined && transaction.state.size === 0) {
    const row = { room_id: head.roomId, extremities, depth: point.depth };
    roomsStore.advanceTimeline(unit, row, before, newest);
    return;
  }
  if (point.root === undefined) throw new Error('A room without state cannot be written');
  const row = {
    room_id: head.roomId,
    extremities,
    depth: point.depth,
    state_root: rootToBytes(point.root),
    joined_count: point.joinedCount,
    invited_count: point.invitedCount,
    remote_joined: point.remoteJoined,
  };
  if (before !== undefined) return roomsStore.advance(unit, row, before, newest);
  const creator = transaction.events[0]?.sender as UserId;
  roomsStore.insert(unit, { ...row, room_version: head.version.id, creator }, newest);
}

function writeEvent(
  unit: UnitOfWork,
  event: StoredEvent,
  position: Position,
  { version, outgoing }: { version: number; outgoing: boolean },
): void {
  eventsStore.insert(unit, event.toRow(), position);
  if (outgoing) eventsStore.markOutgoing(unit, position);
  const related = event.relatedEvent;
  if (related) relationsStore.insert(unit, related, position);
  const data: EventChange = { eventId: event.eventId, type: event.type, sender: event.sender, version };
  const users: UserId[] = [];
  if (event.stateKey !== undefined) {
    data.stateKey = event.stateKey;
    if (event.type === 'm.room.member') {
      data.membership = String(event.content.membership);
      users.push(event.stateKey as UserId);
    }
  }
  if (related && relationsStore.isCounted(related)) data.parent = related.parentId;
  if (event.redacts !== undefined) data.redacted = event.redacts;
  if (outgoing) data.outgoing = true;
  unit.announce({ topic: 'event', position, rooms: [event.roomId], users, data, local: event });
}

function writeState(unit: UnitOfWork, event: StoredEvent, position: Position): void {
  const stateKey = event.stateKey ?? '';
  roomsStore.setState(unit, event.roomId, event.type, stateKey, position);
  if (event.type !== 'm.room.member') return;
  const { membership } = event.content;
  membershipsStore.set(
    unit,
    {
      userId: stateKey as UserId,
      roomId: event.roomId,
      membership: typeof membership === 'string' ? membership : 'leave',
      eventId: event.eventId,
      sender: event.sender,
    },
    position,
  );
}

/** The data of a change with topic `event`. */
export function eventChange(change: Change): EventChange | undefined {
  return change.topic === 'event' && isJsonObject(change.data) ? (change.data as EventChange) : undefined;
}

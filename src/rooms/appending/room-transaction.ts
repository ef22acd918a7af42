import { splitStateKey, stateKeyOf, type Pdu, type StateKey } from '../../protocol/events/event.ts';
import {
  serverNameOf,
  type EventId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { Reader } from '../../storage/database.ts';
import { encodeTransaction } from '../events/client-transaction.ts';
import type { EventDraft } from './event-draft.ts';
import { draftedPdu } from './event-drafting.ts';
import { authDepthOf, eventOfPdu } from '../events/event-of-pdu.ts';
import type { EventSigner } from './event-signer.ts';
import { approved, type PolicySigner } from './policy-signing.ts';
import { changePresentState, presentWith } from '../state/present-state.ts';
import { assertRedactable, prepareRedaction, redactedBy, type PreparedRedaction } from './redactions.ts';
import type { Foreknowledge } from './foreknowledge.ts';
import type { HeadPoint, RoomHead } from './room-head.ts';
import type { RoomRules } from './room-rules.ts';
import { joinedBy, serverMoveOf, type ServerMove } from './server-moves.ts';
import type { EventLookup, StateResolver } from '../state/state-resolver.ts';
import type { NewNode, StateTries } from '../state/state-trie.ts';
import type { StateRoot, StoredEvent } from '../events/stored-event.ts';
import { assertGoesOn, countUnsettled, hasUnsettled, MOST_UNSETTLED_OF_OWN } from './unsettled-events.ts';

/** What a transaction needs of the server. */
export interface TransactionNeeds {
  readonly reader: Reader;
  readonly tries: StateTries;
  readonly resolver: StateResolver;
  readonly rules: RoomRules;
  readonly signer: EventSigner;
  readonly clock: { now(): number };
  readonly policy: PolicySigner;
  /** Events that are committed. */
  readonly committed: { byIds(eventIds: readonly EventId[]): Promise<StoredEvent[]> };
}

/**
 * New events of one room, decided one after the other against the head and kept as a whole or not at all. The head
 * itself moves only when the transaction is handed to the database.
 */
export class RoomTransaction implements EventLookup {
  readonly head: RoomHead;
  readonly needs: TransactionNeeds;
  /** New in the timeline, in order. */
  readonly events: StoredEvent[] = [];
  /** New before all that is in the timeline, oldest first. */
  readonly history: StoredEvent[] = [];
  /** To be kept beside the timeline. */
  readonly aside: StoredEvent[] = [];
  /** Events that were there before, as they are from now on. */
  readonly revised: StoredEvent[] = [];
  /** Those of the events that came from other servers: they may be kept beside the timeline so far. */
  readonly received = new Set<EventId>();
  readonly state = new Map<StateKey, StoredEvent | undefined>();
  /** State events that were present state after this transaction or in its course. */
  readonly effective = new Set<EventId>();
  /** Entries of the present state that are written down already, in a unit of work before this one. */
  writtenAhead: ReadonlyMap<StateKey, EventId> = new Map();
  readonly nodes: NewNode[] = [];
  readonly redactions: PreparedRedaction[] = [];
  /** Redactions by their target, which is not here. */
  readonly awaiting = new Map<EventId, readonly StoredEvent[]>();
  /** Entries of the present state that are redacted, as they are then. */
  readonly redactedState = new Map<StateKey, StoredEvent>();
  /** Those of the events that this server sends to the others in the room. */
  readonly outgoing = new Set<StoredEvent>();
  /** How the events change which servers are in the room. */
  readonly serverMoves: ServerMove[] = [];
  /** Users of this server who join. */
  readonly newcomers = new Set<UserId>();
  point: HeadPoint;
  /** What was read ahead of events that are to be received. */
  foreknowledge: Foreknowledge | undefined = undefined;
  /** A room that is made in the same unit of work, to take the place of this one. */
  successor: RoomTransaction | undefined = undefined;
  /** Names the client's transaction, whose retry is to give the first event of this one. */
  transactionKey: Uint8Array | undefined = undefined;
  readonly #added = new Map<EventId, StoredEvent>();

  constructor(head: RoomHead, needs: TransactionNeeds) {
    this.head = head;
    this.point = { ...head.point };
    this.needs = needs;
  }

  get roomId(): RoomId {
    return this.head.roomId;
  }

  /** Whether the transaction changes anything of the room. */
  get isEmpty(): boolean {
    const changesEvents = this.#added.size > 0 || this.redactions.length > 0;
    return !changesEvents && this.state.size === 0 && this.awaiting.size === 0;
  }

  /** One entry of the state as it is after the events added so far. */
  async stateEvent(type: string, stateKey: string): Promise<StoredEvent | undefined> {
    const key = stateKeyOf(type, stateKey);
    const redacted = this.redactedState.get(key);
    if (redacted) return redacted;
    if (this.state.has(key)) return this.state.get(key);
    return this.head.state(this.needs.reader, this.needs.tries, type, stateKey);
  }

  /** The user's membership after the events added so far. */
  async membership(userId: UserId): Promise<string> {
    const membership = (await this.stateEvent('m.room.member', userId))?.content.membership;
    return typeof membership === 'string' ? membership : 'leave';
  }

  /** One event of the room, of this transaction or from before. */
  async event(eventId: EventId): Promise<StoredEvent | undefined> {
    return (await this.eventsOf([eventId])).get(eventId);
  }

  /**
   * Those of the events that are known in this room. Other servers name what they like in their events: one of another room is
   * here as good as unknown, or the state after it would become that of this one.
   */
  async eventsOf(eventIds: Iterable<EventId>): Promise<Map<EventId, StoredEvent>> {
    const found = new Map<EventId, StoredEvent>();
    const others: EventId[] = [];
    for (const eventId of eventIds) {
      const event = this.uncommittedEvent(eventId);
      if (event) found.set(eventId, event);
      else if (this.foreknowledge?.isAbsent(eventId) !== true) others.push(eventId);
    }
    if (others.length === 0) return found;
    for (const event of await this.needs.committed.byIds(others)) {
      if (event.roomId === this.roomId) found.set(event.eventId, event);
    }
    return found;
  }

  *uncommitted(): Iterable<StoredEvent> {
    yield* this.#added.values();
    yield* this.head.allPending();
  }

  /**
   * Adds an event of this server on top of the room.
   *
   * @throws MatrixError 403 M_FORBIDDEN when the auth rules refuse it, 413 M_TOO_LARGE when it is over the limits, 429
   *   M_LIMIT_EXCEEDED when too much came before the members of the room, and what the room's policy server says against it.
   */
  async add(draft: EventDraft): Promise<StoredEvent> {
    if (hasUnsettled(this.point, MOST_UNSETTLED_OF_OWN)) await assertGoesOn(this, draft);
    const { pdu: unsigned, authEvents, footing } = await draftedPdu(this, draft);
    const signed = this.needs.signer.sign(unsigned, this.head.version);
    const pdu = this.point.remoteJoined === 0 ? signed.pdu : await approved(this, signed.pdu);
    const { type, stateKey, sender, redacts } = draft;
    const key = stateKey === undefined ? undefined : stateKeyOf(type, stateKey);
    const replaced = stateKey === undefined ? undefined : await footing.state(type, stateKey);
    const root = key ? await this.stateWith(footing.root, [[key, signed.eventId]]) : footing.root;
    if (root === undefined)
      throw new MatrixError(400, 'M_UNKNOWN', 'A room begins with its m.room.create event');
    const place = {
      eventId: signed.eventId,
      roomId: this.roomId,
      authDepth: stateKey === undefined ? undefined : authDepthOf(authEvents),
      root,
      replaces: replaced?.eventId,
      transaction: draft.transaction && encodeTransaction(draft.transaction),
    };
    const members = pdu === signed.pdu ? signed.members : undefined;
    const made = (roomRoot?: StateRoot) =>
      eventOfPdu(pdu, this.head.version, { ...place, roomRoot }, members);
    const left = this.point.extremities.filter((id) => !footing.prevEvents.includes(id));
    const present = footing.isWhole ? root : await presentWith(this, made(), left);
    const event = made(present === root ? undefined : present);
    event.hasAggregations = false;
    if (redacts !== undefined) await assertRedactable(this, sender, redacts);
    this.append(event, footing.prevEvents, signed.pdu.depth);
    this.outgoing.add(event);
    if (!footing.isWhole) await changePresentState(this, present);
    else if (key) this.setState(key, replaced, event);
    this.point.root = present;
    if (redacts !== undefined) await this.redact(event, redacts);
    return event;
  }

  /** The event as it would be if it were added now, not signed; for other servers to complete. Errors as `add`. */
  async template(draft: EventDraft): Promise<Pdu> {
    return (await draftedPdu(this, draft)).pdu;
  }

  /** Puts an event at the end of the timeline. State, and what it does to other events, are for the caller. */
  append(event: StoredEvent, followed: readonly EventId[], depth: number): void {
    this.events.push(event);
    this.#added.set(event.eventId, event);
    countUnsettled(this.point, event);
    const left = this.point.extremities.filter((id) => !followed.includes(id));
    const known = Math.min(depth, Number.MAX_SAFE_INTEGER);
    this.point.depth = left.length === 0 ? known : Math.max(known, this.point.depth);
    this.point.extremities = [...left, event.eventId];
  }

  /** Puts an event into the timeline that others there follow already: the head stays as it is. */
  insert(event: StoredEvent, where: 'end' | 'history'): void {
    (where === 'end' ? this.events : this.history).push(event);
    if (where === 'end') countUnsettled(this.point, event);
    this.#added.set(event.eventId, event);
  }

  /** Lets an event be found by who looks for it, before it is added. */
  keepInSight(event: StoredEvent): void {
    this.#added.set(event.eventId, event);
  }

  /** Takes an event that was there before for what it is from now on. Who calls it writes that down. */
  revise(event: StoredEvent): void {
    this.revised.push(event);
    this.#added.set(event.eventId, event);
  }

  /** Whether members are missing from the room's state, which are yet to come. */
  get isPartial(): boolean {
    return this.point.unsettled !== undefined;
  }

  /** Keeps an event beside the timeline. */
  keepAside(event: StoredEvent): void {
    this.aside.push(event);
    if (event.refused !== undefined && event.stateAfter !== undefined) countUnsettled(this.point, event);
    this.#added.set(event.eventId, event);
  }

  /** A state with some entries changed, whose new nodes are written with this transaction. */
  async stateWith(
    root: StateRoot | undefined,
    changes: readonly (readonly [StateKey, EventId | undefined])[],
  ): Promise<StateRoot> {
    const changed = await this.needs.tries.set(root, changes);
    this.nodes.push(...changed.nodes);
    return changed.root;
  }

  /** Notes that an entry of the present state changes. */
  setState(key: StateKey, before: StoredEvent | undefined, after: StoredEvent | undefined): void {
    this.state.set(key, after);
    this.redactedState.delete(key);
    if (after) this.effective.add(after.eventId);
    if (!key.startsWith('m.room.member\0')) return;
    const [was, is] = [before?.content.membership, after?.content.membership];
    this.point.joinedCount += Number(is === 'join') - Number(was === 'join');
    this.point.invitedCount += Number(is === 'invite') - Number(was === 'invite');
    const userId = splitStateKey(key).stateKey as UserId;
    const { serverName } = this.needs.signer;
    if (is === 'join' && was !== 'join' && serverNameOf(userId) === serverName) this.newcomers.add(userId);
    const move = serverMoveOf(serverName, userId, was, is ?? 'leave');
    if (move === undefined) return;
    this.serverMoves.push(move);
    this.point.remoteJoined += joinedBy(move);
  }

  /** Counts at least one member of each of the servers, whose members are not known yet. */
  expectUnknownMembers(servers: readonly ServerName[]): void {
    for (const server of servers) this.#countServer({ server, kind: 'join' });
  }

  /** Undoes `expectUnknownMembers`: the members are known. */
  forgetUnknownMembers(servers: readonly ServerName[]): void {
    for (const server of servers) this.#countServer({ server, kind: 'leave' });
  }

  #countServer(move: ServerMove): void {
    this.serverMoves.push(move);
    this.point.remoteJoined += joinedBy(move);
    this.point.joinedCount += joinedBy(move);
  }

  /** Applies a redaction that is allowed, where there is something to redact; once that is here, if it is not. */
  async redact(redaction: StoredEvent, target: EventId): Promise<void> {
    const redacted = await this.event(target);
    if (!redacted) this.awaiting.set(target, [...(this.awaiting.get(target) ?? []), redaction]);
    const prepared = redacted && prepareRedaction(this.head.version, redaction.eventId, redacted);
    if (!prepared) return;
    this.redactions.push(prepared);
    const { type, stateKey } = redacted;
    if (stateKey === undefined || (await this.stateEvent(type, stateKey))?.eventId !== target) return;
    this.redactedState.set(stateKeyOf(type, stateKey), redactedBy(redacted, prepared));
  }

  /** An event of this transaction, or one that was handed to the database and is not committed yet. */
  uncommittedEvent(eventId: EventId): StoredEvent | undefined {
    return this.#added.get(eventId) ?? this.head.pending(eventId);
  }
}

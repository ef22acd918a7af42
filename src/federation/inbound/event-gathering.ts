import { inParts, inTurns } from '../../platform/list-parts.ts';
import { stateKeyOf, type StateKey } from '../../protocol/events/event.ts';
import { authEventIdsOf } from '../../protocol/events/event-format.ts';
import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { JsonValue } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import type { ReceivedEvent } from '../../rooms/appending/event-receipt.ts';
import { pduOfEvent } from '../../rooms/events/pdu-of-event.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import { FederationError } from '../federation-error.ts';
import { inAuthOrder } from './event-order.ts';
import { eventIdOrUndefined, verifiedEvent, type SignatureChecker } from './pdu-verification.ts';
import type { RoomRequests } from './room-requests.ts';

/** A room of which events are gathered. */
export interface GatheredRoom {
  readonly roomId: RoomId;
  readonly version: RoomVersion;
  /** The server whose events lack what is gathered; undefined where this server wants it by itself. */
  readonly sentBy?: ServerName;
}

/** An event with the state before it, and all that has to be kept first. */
export interface EventWithState {
  readonly event: ReceivedEvent;
  readonly before: ReadonlyMap<StateKey, EventId>;
  /** Each after those that authorise it. */
  readonly outliers: readonly ReceivedEvent[];
}

/** A whole state, and what of it and of what authorises it is not here. */
export interface GatheredState {
  readonly ids: readonly EventId[];
  /** Those of the missing events that are in order, some at a time. */
  readonly missing: AsyncIterable<readonly ReceivedEvent[]> | Iterable<readonly ReceivedEvent[]>;
}

/** Events of a large state that are checked at once. */
const PART = 100;
/** Events of a large state that are looked for in one step. */
const LOOKED_FOR = 1_000;
/** Events asked for one by one; of more, the whole state is asked for. */
const MOST_SINGLE = 40;
/** Requests for single events under way at once. */
const AT_ONCE = 8;

/** Fetches events of a room from other servers and checks what can be checked of each without the room. */
export class EventGathering {
  readonly #requests: RoomRequests;
  readonly #signatures: SignatureChecker;
  readonly #known: { byIds(eventIds: readonly EventId[]): Promise<StoredEvent[]> };

  constructor(needs: {
    requests: RoomRequests;
    signatures: SignatureChecker;
    log: { byIds(eventIds: readonly EventId[]): Promise<StoredEvent[]> };
  }) {
    this.#requests = needs.requests;
    this.#signatures = needs.signatures;
    this.#known = needs.log;
  }

  /** Those of the events that are here, in this room. */
  async here({ roomId }: GatheredRoom, ids: readonly EventId[]): Promise<Map<EventId, StoredEvent>> {
    const here = new Map<EventId, StoredEvent>();
    for (const event of await this.#known.byIds(ids)) {
      if (event.roomId === roomId) here.set(event.eventId, event);
    }
    return here;
  }

  /** Those of the events that are in order. */
  async verified(room: GatheredRoom, values: readonly JsonValue[]): Promise<ReceivedEvent[]> {
    const checks = values.map((value) =>
      verifiedEvent(value, room.version, room.roomId, this.#signatures, room.sentBy).catch(
        (error: unknown) => {
          if (error instanceof MatrixError) return undefined;
          throw error;
        },
      ),
    );
    return (await Promise.all(checks)).filter((event) => event !== undefined);
  }

  /** Events that lead from what is here to one that is not. None when the server does not tell. */
  async between(
    server: ServerName,
    room: GatheredRoom,
    range: { earliest: readonly EventId[]; latest: readonly EventId[]; limit: number; minDepth: number },
  ): Promise<ReceivedEvent[]> {
    const values = await orNothing(this.#requests.missingEvents(server, room.roomId, range));
    return this.verified(room, values ?? []);
  }

  /** Events and those before them. */
  async history(
    server: ServerName,
    room: GatheredRoom,
    from: readonly EventId[],
    limit: number,
  ): Promise<ReceivedEvent[]> {
    return this.verified(room, await this.#requests.backfill(server, room.roomId, from, limit));
  }

  /** One event; undefined when the server does not give it. */
  async event(server: ServerName, room: GatheredRoom, eventId: EventId): Promise<ReceivedEvent | undefined> {
    const value = await orNothing(this.#requests.event(server, eventId));
    if (value === undefined) return undefined;
    const [event] = await this.verified(room, [value]);
    return event?.eventId === eventId ? event : undefined;
  }

  /** What authorises an event and is not here, each after those that authorise it. */
  async authChain(server: ServerName, room: GatheredRoom, eventId: EventId): Promise<ReceivedEvent[]> {
    const values = await orNothing(this.#requests.eventAuth(server, room.roomId, eventId));
    const told = new Map<EventId, JsonValue>();
    for (const value of values ?? []) {
      const id = eventIdOrUndefined(value, room.version);
      if (id !== undefined) told.set(id, value);
    }
    // Most of what authorises an event is here, in a room that is in use: it need not be checked again.
    const unknown = await this.#unknown(room, [...told.keys()]);
    const missing = [...told].filter(([id]) => unknown.has(id)).map(([, value]) => value);
    return inAuthOrder(await this.verified(room, missing));
  }

  /**
   * An event that is not here, with the state before it. Undefined when the server does not give the one or the other,
   * gives a state with an event that nobody can check, or one of more than `most` entries.
   */
  async withState(
    server: ServerName,
    room: GatheredRoom,
    eventId: EventId,
    most = Infinity,
  ): Promise<EventWithState | undefined> {
    const known = (await this.here(room, [eventId])).get(eventId);
    const event = known
      ? { pdu: pduOfEvent(known, room.version), eventId }
      : await this.event(server, room, eventId);
    const ids = event && (await orNothing(this.#requests.stateIds(server, room.roomId, eventId)));
    if (!ids || ids.state.length > most) return undefined;
    const authIds = authEventIdsOf(event.pdu);
    const unknown = await this.#unknown(room, [...ids.state, ...ids.authChain, ...authIds]);
    unknown.delete(eventId);
    const outliers =
      unknown.size > MOST_SINGLE
        ? await this.#wholeState(server, room, eventId, unknown)
        : await this.#singly(server, room, [...unknown]);
    const before = await this.#stateOf(room, ids.state, outliers);
    // Every state has the event with which its room began: one without it is made up.
    if (!before?.has(stateKeyOf('m.room.create', ''))) return undefined;
    return { event, before, outliers: inAuthOrder(outliers) };
  }

  /** The whole state before an event; undefined when the server does not tell it. */
  async stateBefore(
    server: ServerName,
    room: GatheredRoom,
    eventId: EventId,
  ): Promise<GatheredState | undefined> {
    const ids = await orNothing(this.#requests.stateIds(server, room.roomId, eventId));
    if (!ids || ids.state.length === 0) return undefined;
    const wanted = await this.#unknown(room, [...ids.state, ...ids.authChain]);
    const events = wanted.size <= MOST_SINGLE ? await this.#singly(server, room, [...wanted]) : [];
    if (events.length === wanted.size) return { ids: ids.state, missing: [events] };
    const answer = await orNothing(this.#requests.state(server, room.roomId, eventId));
    return answer && { ids: ids.state, missing: this.#inParts(room, answer, wanted) };
  }

  async *#inParts(
    room: GatheredRoom,
    answer: Iterable<JsonValue>,
    wanted: ReadonlySet<EventId>,
  ): AsyncGenerator<readonly ReceivedEvent[]> {
    let values: JsonValue[] = [];
    for (const value of answer) {
      if (values.push(value) < PART) continue;
      yield this.#wanted(room, values, wanted);
      values = [];
    }
    yield this.#wanted(room, values, wanted);
  }

  async #wanted(
    room: GatheredRoom,
    values: readonly JsonValue[],
    wanted: ReadonlySet<EventId>,
  ): Promise<ReceivedEvent[]> {
    return (await this.verified(room, values)).filter((event) => wanted.has(event.eventId));
  }

  async #singly(server: ServerName, room: GatheredRoom, ids: readonly EventId[]): Promise<ReceivedEvent[]> {
    const found: ReceivedEvent[] = [];
    for (const part of inParts(ids, AT_ONCE)) {
      const events = await Promise.all(part.map((id) => this.event(server, room, id)));
      for (const event of events) if (event) found.push(event);
    }
    return found;
  }

  async #wholeState(
    server: ServerName,
    room: GatheredRoom,
    eventId: EventId,
    wanted: ReadonlySet<EventId>,
  ): Promise<ReceivedEvent[]> {
    const answer = await orNothing(this.#requests.state(server, room.roomId, eventId));
    if (!answer) return [];
    return this.#wanted(room, [...answer], wanted);
  }

  /** Of state that cannot be checked nothing is taken: undefined. */
  async #stateOf(
    { roomId }: GatheredRoom,
    ids: readonly EventId[],
    gathered: readonly ReceivedEvent[],
  ): Promise<Map<StateKey, EventId> | undefined> {
    const state = new Map<StateKey, EventId>();
    const byId = new Map(gathered.map((event) => [event.eventId, event.pdu]));
    for (const known of await this.#known.byIds(ids.filter((id) => !byId.has(id)))) {
      if (known.stateKey === undefined || known.roomId !== roomId) return undefined;
      if (known.refused !== 'rejected') state.set(stateKeyOf(known.type, known.stateKey), known.eventId);
    }
    for (const id of ids) {
      const pdu = byId.get(id);
      if (!pdu) continue;
      if (typeof pdu.state_key !== 'string') return undefined;
      state.set(stateKeyOf(pdu.type, pdu.state_key), id);
    }
    return state;
  }

  async #unknown(room: GatheredRoom, ids: readonly EventId[]): Promise<Set<EventId>> {
    const unknown = new Set(ids);
    for await (const part of inTurns([...unknown], LOOKED_FOR)) {
      for (const eventId of (await this.here(room, part)).keys()) unknown.delete(eventId);
    }
    return unknown;
  }
}

/** What was asked for, or undefined when the other server does not give it. */
export async function orNothing<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof FederationError) return undefined;
    throw error;
  }
}

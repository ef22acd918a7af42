import { prevEventIdsOf } from '../../protocol/events/event-format.ts';
import type { EventId, ServerName } from '../../protocol/identifiers.ts';
import type { ReceivedEvent } from '../../rooms/appending/event-receipt.ts';
import type { Database } from '../../storage/database.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import type { EventGathering, EventWithState, GatheredRoom } from './event-gathering.ts';
import type { Fetched } from './keep-fetched.ts';

/** The events that are missing for those that cannot be judged without. */
export type Missing = ReadonlyMap<EventId, readonly EventId[]>;

/** Events between what is here and what was sent that are asked for at once, how often, and how long they may be as text. */
const MOST_MISSING = 50;
const MOST_ROUNDS = 40;
const MOST_TEXT = 8 * 1024 * 1024;
/** A server that tells as many may know more; other servers tell no more at once than they like. */
const MANY = 10;
/** How often a server is asked that tells no more than that at once: the state after the gap is had with fewer requests. */
const MOST_SMALL_ROUNDS = 10;
/** Events of which the state is fetched to receive one transaction. */
const MOST_STATES = 10;

/** Asks a server for what lies between the events that are here and others, and for the state where that is too much. */
export class GapFilling {
  readonly #database: Database;
  readonly #gathering: EventGathering;

  constructor(database: Database, gathering: EventGathering) {
    this.#database = database;
    this.#gathering = gathering;
  }

  /** Events before some that lead from what is here to them, as far as the server tells and is asked. */
  async before(
    server: ServerName,
    room: GatheredRoom,
    events: readonly ReceivedEvent[],
    missing: Missing,
  ): Promise<ReceivedEvent[]> {
    const found = new Map<EventId, ReceivedEvent>();
    const isTold = (id: EventId) => found.has(id) || missing.has(id);
    let latest = withoutPrevious(events, missing);
    for (let round = 0, length = 0; latest.length > 0 && round < MOST_ROUNDS && length < MOST_TEXT; round++) {
      const told = await this.#between(server, room, latest);
      const between = await this.#missingBefore(room, latest, told, isTold);
      if (between.length === 0) break;
      for (const event of between) found.set(event.eventId, event);
      length += between.reduce((sum, { pdu }) => sum + JSON.stringify(pdu).length, 0);
      const isEnough = told.length < MANY || (told.length === MANY && round + 1 >= MOST_SMALL_ROUNDS);
      latest = isEnough ? [] : await this.#withoutPlace(room, between, isTold);
    }
    return [...found.values()];
  }

  /** The state before what is still missing, if it has at most so many entries, and what authorises events and is not here. */
  async statesFor(
    server: ServerName,
    room: GatheredRoom,
    events: readonly ReceivedEvent[],
    missing: Missing,
    most: number,
  ): Promise<Fetched> {
    const prevs = new Set<EventId>();
    const lackAuth: EventId[] = [];
    for (const event of events) {
      const lacks = missing.get(event.eventId);
      if (!lacks) continue;
      const ownPrevs = new Set(prevEventIdsOf(event.pdu));
      if (lacks.some((id) => !ownPrevs.has(id))) lackAuth.push(event.eventId);
      // Of what lacks something itself the state follows once that is here. What was known already may be here without it.
      for (const id of lacks) if (ownPrevs.has(id) && !missing.has(id)) prevs.add(id);
    }
    const withState: EventWithState[] = [];
    for (const id of [...prevs].slice(0, MOST_STATES)) {
      const found = await this.#gathering.withState(server, room, id, most);
      if (found) withState.push(found);
    }
    const outliers: ReceivedEvent[] = [];
    for (const id of lackAuth.slice(0, MOST_STATES)) {
      outliers.push(...(await this.#gathering.authChain(server, room, id)));
    }
    return { outliers, withState };
  }

  async #between(
    server: ServerName,
    room: GatheredRoom,
    latest: readonly ReceivedEvent[],
  ): Promise<ReceivedEvent[]> {
    if (latest.length === 0) return [];
    const row = await roomsStore.byId(this.#database, room.roomId);
    const earliest = JSON.parse(row?.extremities ?? '[]') as EventId[];
    return this.#gathering.between(server, room, {
      earliest: earliest.slice(-MOST_MISSING),
      latest: latest.map((event) => event.eventId),
      limit: MOST_MISSING,
      minDepth: 0,
    });
  }

  /**
   * Those that lead from what is here to the events. Servers tell as much as they may, down to the beginning of the room:
   * what came before an event that is here is history, and the state before that one has to be asked for, if it lacks. What
   * was told before is left out.
   */
  async #missingBefore(
    room: GatheredRoom,
    events: readonly ReceivedEvent[],
    between: readonly ReceivedEvent[],
    isTold: (id: EventId) => boolean,
  ): Promise<ReceivedEvent[]> {
    const told = new Map(between.map((event) => [event.eventId, event]));
    for (const id of told.keys()) if (isTold(id)) told.delete(id);
    const here = await this.#gathering.here(room, [...told.keys()]);
    const missing = new Set<ReceivedEvent>();
    const wanted = events.flatMap((event) => prevEventIdsOf(event.pdu));
    for (let id = wanted.pop(); id !== undefined; id = wanted.pop()) {
      const event = told.get(id);
      if (!event || here.has(id) || missing.has(event)) continue;
      missing.add(event);
      wanted.push(...prevEventIdsOf(event.pdu));
    }
    return [...missing];
  }

  /** Those of the events that follow one which was neither told nor is here with the state after it. */
  async #withoutPlace(
    room: GatheredRoom,
    events: readonly ReceivedEvent[],
    isTold: (id: EventId) => boolean,
  ): Promise<ReceivedEvent[]> {
    const prevs = new Set(events.flatMap((event) => prevEventIdsOf(event.pdu)));
    const here = await this.#gathering.here(
      room,
      [...prevs].filter((id) => !isTold(id)),
    );
    const lacks = (id: EventId) => !isTold(id) && here.get(id)?.stateAfter === undefined;
    return events.filter((event) => prevEventIdsOf(event.pdu).some(lacks));
  }
}

/** Those of the events that lack an event before them which is not among them; what others lack authorises them. */
function withoutPrevious(events: readonly ReceivedEvent[], missing: Missing): ReceivedEvent[] {
  const here = new Set(events.map((event) => event.eventId));
  return events.filter((event) => {
    const previous = new Set(prevEventIdsOf(event.pdu));
    return missing.get(event.eventId)?.some((id) => previous.has(id) && !here.has(id)) === true;
  });
}

import { stateKeyOf, type Pdu, type StateKey } from '../../protocol/events/event.ts';
import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import { MatrixError, forbidden, notFound } from '../../protocol/matrix-error.ts';
import { roomVersion, type RoomVersion } from '../../protocol/room-versions.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import type { PartialRooms } from '../../rooms/state/partial-rooms.ts';
import { sentPdu } from '../../rooms/events/pdu-of-event.ts';
import { rootFromBytes } from '../../rooms/events/stored-event.ts';
import { ServerVisibility } from '../../rooms/reading/server-visibility.ts';
import type { StateTries } from '../../rooms/state/state-trie.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import type { Database } from '../../storage/database.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import * as roomServersStore from '../../storage/federation/room-servers-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';
import { ServerTurns } from './server-turns.ts';
import type { RoomAcl } from '../room-acl.ts';
import { authChainOf, authorisersOfMany, eventsBefore, withAuthChain } from './event-graph.ts';
import { stateText } from './state-text.ts';

/** A room about which a server that is in it asks. */
interface AskedRoom {
  readonly roomId: RoomId;
  readonly version: RoomVersion;
}

/** Most events of one answer of backfill, and of get_missing_events. */
const MOST_HISTORY = 100;
const MOST_MISSING = 50;
/** Answers about whole states and auth chains that are worked out for one server at once, and that may wait. */
const WHOLE = { atOnce: 2, waiting: 20 } as const;

/** Answers servers that are in a room what they ask about its events (Server-Server API, "Retrieving events"). */
export class RoomAnswers {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #tries: StateTries;
  readonly #acl: RoomAcl;
  readonly #partial: PartialRooms;
  readonly #visibility: ServerVisibility;
  readonly #whole = new ServerTurns(WHOLE);

  constructor(needs: {
    database: Database;
    log: EventLog;
    tries: StateTries;
    acl: RoomAcl;
    partial: PartialRooms;
  }) {
    this.#database = needs.database;
    this.#log = needs.log;
    this.#tries = needs.tries;
    this.#acl = needs.acl;
    this.#partial = needs.partial;
    this.#visibility = new ServerVisibility(needs.database, needs.log, needs.tries);
  }

  /**
   * One event, wherever it is.
   *
   * @throws MatrixError 404 for an unknown event, 403 when the server is not in its room.
   */
  async event(server: ServerName, eventId: EventId): Promise<Pdu> {
    const event = await this.#log.byId(eventId);
    if (!event || event.refused === 'rejected') throw notFound('There is no such event');
    await this.#acl.check(event.roomId, server);
    const room = await this.#room(server, event.roomId);
    const [pdu] = await this.#visibility.pdus(room, server, [event]);
    if (!pdu) throw notFound('There is no such event');
    return pdu;
  }

  /** The auth chain of an event. Errors as `event`; 429 where the server asked for too many at once. */
  async authChain(server: ServerName, roomId: RoomId, eventId: EventId): Promise<Pdu[]> {
    const room = await this.#room(server, roomId);
    const event = await this.#eventIn(roomId, eventId);
    return this.#whole.run(server, async () => {
      const chain = await authChainOf(this.#log, room.version, [event]);
      return chain.map((one) => sentPdu(one, room.version));
    });
  }

  /**
   * The state before an event and its auth chain, as the text of the answer, piece by piece: in a large room it is
   * much. Errors as `event`; 404 also where the state is not known, 403 where not all of it is yet, 429 where the
   * server asked for too many at once.
   */
  async state(server: ServerName, roomId: RoomId, eventId: EventId): Promise<AsyncGenerator<string>> {
    const { version } = await this.#room(server, roomId);
    const state = await this.#whole.run(server, () => this.#stateBefore(roomId, eventId));
    return stateText(this.#log, version, state);
  }

  /** As `state`, only the IDs. */
  async stateIds(
    server: ServerName,
    roomId: RoomId,
    eventId: EventId,
  ): Promise<{ state: readonly EventId[]; authChain: readonly EventId[] }> {
    const { version } = await this.#room(server, roomId);
    return this.#whole.run(server, async () => {
      const state = await this.#stateBefore(roomId, eventId);
      const authorisers = await authorisersOfMany(this.#log, version, state);
      const authChain = await withAuthChain(this.#log, authorisers);
      return { state, authChain: authChain.map((event) => event.eventId) };
    });
  }

  /** The present state of a room. Errors as `state`. */
  async presentState(server: ServerName, roomId: RoomId): Promise<Pdu[]> {
    const room = await this.#room(server, roomId);
    const row = await roomsStore.byId(this.#database, roomId);
    if (!row) throw notFound('There is no such room here');
    this.#assertWhole(roomId);
    return this.#whole.run(server, async () => {
      const ids = (await this.#tries.entries(rootFromBytes(row.state_root))).map(([, id]) => id);
      return (await this.#log.byIds(ids)).map((event) => sentPdu(event, room.version));
    });
  }

  /**
   * What came after events in the rooms of those, in the order in which it came here: at most 100 events. Of several events of
   * one room the earliest counts.
   *
   * @throws MatrixError as `event`.
   */
  async after(server: ServerName, known: readonly EventId[]): Promise<Pdu[]> {
    const places = new Map<RoomId, { room: AskedRoom; position: number }>();
    for (const eventId of known.slice(0, MOST_MISSING)) {
      const event = await this.#log.byId(eventId);
      if (!event || event.refused === 'rejected') throw notFound(`There is no event ${eventId}`);
      await this.#acl.check(event.roomId, server);
      const room = await this.#room(server, event.roomId);
      const { position = Infinity } = places.get(event.roomId) ?? {};
      places.set(event.roomId, { room, position: Math.min(position, event.position) });
    }
    const pdus: Pdu[] = [];
    for (const { room, position } of places.values()) {
      const limit = MOST_HISTORY - pdus.length;
      if (limit <= 0) break;
      const range = { after: position, upTo: Number.MAX_SAFE_INTEGER, limit, newestFirst: false };
      const rows = await eventsStore.page(this.#database, room.roomId, range);
      const events = rows.map((row) => this.#log.intern(row));
      pdus.push(...(await this.#visibility.pdus(room, server, events)));
    }
    return pdus;
  }

  /** Events and those before them, the deepest first. */
  async backfill(
    server: ServerName,
    roomId: RoomId,
    from: readonly EventId[],
    limit: number,
  ): Promise<Pdu[]> {
    const room = await this.#room(server, roomId);
    const most = Math.min(Math.max(limit, 1), MOST_HISTORY);
    const events = await eventsBefore(this.#log, roomId, from.slice(0, MOST_HISTORY), {
      limit: most,
      without: new Set(),
      minDepth: 0,
    });
    return this.#visibility.pdus(room, server, events);
  }

  /** Events on the way from some to others, neither included, the shallowest first. */
  async missingEvents(
    server: ServerName,
    roomId: RoomId,
    range: { earliest: readonly EventId[]; latest: readonly EventId[]; limit: number; minDepth: number },
  ): Promise<Pdu[]> {
    const room = await this.#room(server, roomId);
    const latest = await this.#log.byIds(range.latest.slice(0, MOST_HISTORY));
    const from = latest.filter((event) => event.roomId === roomId).flatMap((event) => event.prevEventIds);
    const events = await eventsBefore(this.#log, roomId, from, {
      limit: Math.min(Math.max(range.limit, 1), MOST_MISSING),
      without: new Set([...range.earliest.slice(0, MOST_HISTORY), ...range.latest]),
      minDepth: range.minDepth,
    });
    return this.#visibility.pdus(room, server, events.reverse());
  }

  /**
   * The event nearest to a time in a direction.
   *
   * @param ts milliseconds since the epoch.
   * @throws MatrixError 404 when there is none, and as `event`.
   */
  async eventByTime(
    server: ServerName,
    roomId: RoomId,
    ts: number,
    direction: 'f' | 'b',
  ): Promise<StoredEvent> {
    await this.#room(server, roomId);
    const forward = direction === 'f';
    const place = { ts, position: forward ? BEFORE_HISTORY : Number.MAX_SAFE_INTEGER };
    const [row] = await eventsStore.byTime(this.#database, roomId, place, forward, 1);
    if (row) return this.#log.intern(row);
    throw notFound(`There is no event ${forward ? 'at or after' : 'at or before'} ${ts} here`);
  }

  /** @throws MatrixError 404 for an unknown room, 403 when the server is not in it. */
  async #room(server: ServerName, roomId: RoomId): Promise<AskedRoom> {
    const row = await roomsStore.byId(this.#database, roomId);
    if (!row) throw notFound('There is no such room here');
    if (!(await roomServersStore.isIn(this.#database, server, roomId))) {
      throw forbidden(`Nobody of ${server} is in this room`);
    }
    return { roomId, version: roomVersion(row.room_version) };
  }

  async #eventIn(roomId: RoomId, eventId: EventId): Promise<StoredEvent> {
    const event = await this.#log.byId(eventId);
    if (event?.roomId !== roomId) throw notFound('There is no such event in this room');
    return event;
  }

  /** Whoever asks is told at once that others are to be asked: to wait could make two servers wait for each other (MSC3895). */
  #assertWhole(roomId: RoomId): void {
    if (!this.#partial.isPartial(roomId)) return;
    const message = 'Not all members of this room are known here yet: ask another server, or later';
    throw new MatrixError(403, 'ORG.MATRIX.MSC3895_UNABLE_DUE_TO_PARTIAL_STATE', message);
  }

  async #stateBefore(roomId: RoomId, eventId: EventId): Promise<EventId[]> {
    const event = await this.#eventIn(roomId, eventId);
    this.#assertWhole(roomId);
    if (event.stateAfter === undefined) throw notFound('The state at this event is not known here');
    const entries = new Map<StateKey, EventId>(await this.#tries.entries(event.stateRoot));
    if (event.stateKey !== undefined && event.refused !== 'rejected') {
      const key = stateKeyOf(event.type, event.stateKey);
      if (event.replaces === undefined) entries.delete(key);
      else entries.set(key, event.replaces);
    }
    return [...entries.values()];
  }
}

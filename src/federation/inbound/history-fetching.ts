import { KeyedQueue } from '../../platform/keyed-queue.ts';
import { prevEventIdsOf } from '../../protocol/events/event-format.ts';
import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import { EventsMissing } from '../../rooms/appending/event-judgement.ts';
import { receiveHistory, type ReceivedEvent } from '../../rooms/appending/event-receipt.ts';
import type { RemoteHistory, TimedEvent } from '../../rooms/membership/remote-rooms.ts';
import type { RoomWriter } from '../../rooms/appending/room-writer.ts';
import type { Database } from '../../storage/database.ts';
import * as historyGaps from '../../storage/rooms/history-gaps-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { FederationError } from '../federation-error.ts';
import { inTimelineOrder } from './event-order.ts';
import { orNothing, type EventGathering, type EventWithState, type GatheredRoom } from './event-gathering.ts';
import { keepFetched } from './keep-fetched.ts';
import type { RoomRequests } from './room-requests.ts';
import type { ServersToAsk } from './servers-to-ask.ts';

/** Events asked for at once, and the gaps from which to go back. */
const AT_ONCE = 100;
const MOST_GAPS = 20;
/** How often it goes on with further gaps where nobody has anything of those before. */
const MOST_VAIN_TURNS = 5;
/** Servers asked, one after the other. */
const MOST_SERVERS = 3;
/** Events of which the state is fetched, for one stretch of history. */
const MOST_STATES = 5;
/** Stretches that are fetched to come to one event. */
const MOST_STRETCHES = 20;

/** Fetches history that is not here from the other servers in a room (Server-Server API, "Backfilling"). */
export class HistoryFetching implements RemoteHistory {
  readonly #database: Database;
  readonly #writer: RoomWriter;
  readonly #gathering: EventGathering;
  readonly #requests: RoomRequests;
  readonly #serversToAsk: ServersToAsk;
  readonly #turns = new KeyedQueue();

  constructor(needs: {
    database: Database;
    writer: RoomWriter;
    gathering: EventGathering;
    requests: RoomRequests;
    serversToAsk: ServersToAsk;
  }) {
    this.#database = needs.database;
    this.#writer = needs.writer;
    this.#gathering = needs.gathering;
    this.#requests = needs.requests;
    this.#serversToAsk = needs.serversToAsk;
  }

  async lacksHistory(roomId: RoomId): Promise<boolean> {
    return (await historyGaps.inTurn(this.#database, roomId, 1)).length > 0;
  }

  async fetchBefore(roomId: RoomId): Promise<boolean> {
    if (!(await this.lacksHistory(roomId))) return false;
    return this.#turns.run(roomId, () => this.#fetchBefore(roomId));
  }

  async eventByTime(roomId: RoomId, ts: number, direction: 'f' | 'b'): Promise<TimedEvent | undefined> {
    if (!(await this.lacksHistory(roomId))) return undefined;
    const room = await this.#room(roomId);
    for (const server of room ? await this.#servers(roomId) : []) {
      const eventId = await orNothing(this.#requests.eventByTime(server, roomId, ts, direction));
      if (eventId === undefined || !room) continue;
      const told = await this.#timed(server, room, eventId);
      if (told) return told;
    }
    return undefined;
  }

  async fetchBackTo(roomId: RoomId, eventId: EventId): Promise<boolean> {
    const room = await this.#room(roomId);
    if (!room) return false;
    for (let stretches = 0; ; stretches++) {
      const event = (await this.#gathering.here(room, [eventId])).get(eventId);
      if (event?.isAside === false) return true;
      if (event?.refused !== undefined || stretches === MOST_STRETCHES) return false;
      if (!(await this.fetchBefore(roomId))) return false;
    }
  }

  async #fetchBefore(roomId: RoomId): Promise<boolean> {
    const room = await this.#room(roomId);
    if (!room) return false;
    const servers = await this.#servers(roomId);
    const asked = new Set<EventId>();
    for (let turn = 0; turn < MOST_VAIN_TURNS; turn++) {
      const gaps = await historyGaps.inTurn(this.#database, roomId, MOST_GAPS);
      const from = gaps.map((gap) => gap.event_id).filter((id) => !asked.has(id));
      if (from.length === 0) return false;
      const found = await this.#fetchFrom(servers, room, from);
      if (found !== 'nothing') return found === 'new';
      // What nobody has would else hide for ever what others would tell.
      const unit = new UnitOfWork();
      historyGaps.askedInVain(unit, roomId, from);
      await this.#database.commit(unit);
      for (const id of from) asked.add(id);
    }
    return false;
  }

  /** What the first of the servers that has anything new gives; `unanswered` where none of them could be asked. */
  async #fetchFrom(
    servers: readonly ServerName[],
    room: GatheredRoom,
    from: readonly EventId[],
  ): Promise<'new' | 'nothing' | 'unanswered'> {
    let isAnswered = false;
    for (const server of servers) {
      const events = await unlessAway(this.#gathering.history(server, room, from, AT_ONCE));
      isAnswered ||= events !== undefined;
      if (events && events.length > 0 && (await this.#take(server, room, events))) return 'new';
    }
    return isAnswered ? 'nothing' : 'unanswered';
  }

  /** Takes what can be judged; of the oldest the state before them is fetched. True when anything was new. */
  async #take(server: ServerName, room: GatheredRoom, events: readonly ReceivedEvent[]): Promise<boolean> {
    const ordered = inTimelineOrder(events);
    const here = new Set(ordered.map((event) => event.eventId));
    const prevs = new Set(ordered.flatMap((event) => prevEventIdsOf(event.pdu)));
    const unknown = await this.#withoutState(
      room,
      [...prevs].filter((id) => !here.has(id)),
    );
    const withState: EventWithState[] = [];
    for (const id of unknown.slice(0, MOST_STATES)) {
      const found = await this.#gathering.withState(server, room, id);
      if (found) withState.push(found);
    }
    return this.#writer.append(room.roomId, async (transaction, unit) => {
      await keepFetched(transaction, { outliers: [], withState });
      let isNew = false;
      for (const event of ordered) {
        try {
          const { outcome } = await receiveHistory(transaction, unit, event);
          isNew ||= outcome !== 'known';
        } catch (error) {
          if (!(error instanceof EventsMissing)) throw error;
        }
      }
      return isNew;
    });
  }

  /** An event that a server tells of, with the time that its sender's server signed; undefined for one that is not taken. */
  async #timed(server: ServerName, room: GatheredRoom, eventId: EventId): Promise<TimedEvent | undefined> {
    const known = (await this.#gathering.here(room, [eventId])).get(eventId);
    if (known) return known.refused === undefined ? known : undefined;
    const event = await this.#gathering.event(server, room, eventId);
    return event && { eventId, originServerTs: event.pdu.origin_server_ts };
  }

  async #withoutState(room: GatheredRoom, ids: readonly EventId[]): Promise<EventId[]> {
    const known = await this.#gathering.here(room, ids);
    return ids.filter((id) => known.get(id)?.stateAfter === undefined);
  }

  async #room(roomId: RoomId): Promise<GatheredRoom | undefined> {
    const row = await roomsStore.byId(this.#database, roomId);
    return row && { roomId, version: roomVersion(row.room_version) };
  }

  #servers(roomId: RoomId): Promise<ServerName[]> {
    return this.#serversToAsk.of(roomId, MOST_SERVERS);
  }
}

/** The events that a server gives: none where it refuses, undefined where it is the server that cannot be asked now. */
async function unlessAway(asked: Promise<ReceivedEvent[]>): Promise<ReceivedEvent[] | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof FederationError)) throw error;
    return error.isTransient ? undefined : [];
  }
}

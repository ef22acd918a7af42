import { KeyedQueue } from '../../platform/keyed-queue.ts';
import { prevEventIdsOf } from '../../protocol/events/event-format.ts';
import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import { receiveEvent, type ReceivedEvent, type Verdict } from '../../rooms/event-receipt.ts';
import { Foreknowledge } from '../../rooms/foreknowledge.ts';
import type { PartialRooms } from '../../rooms/partial-rooms.ts';
import type { RoomWriter } from '../../rooms/room-writer.ts';
import type { Database } from '../../storage/database.ts';
import * as roomsStore from '../../storage/rooms-store.ts';
import type { PduReceiver, PduResult } from '../receiving/pdu-receiver.ts';
import type { PolicyServers } from '../policy-servers.ts';
import type { RoomAcl } from '../room-acl.ts';
import { byDepth } from './auth-order.ts';
import type { EventGathering, EventWithState, GatheredRoom } from './event-gathering.ts';
import { MOST_EXTREMITIES, type ForkMerging } from './fork-merging.ts';
import { HeldEvents } from './held-events.ts';
import { keepFetched, NOTHING_FETCHED, unlessMissing, type Fetched } from './keep-fetched.ts';
import type { OutsideEvents } from './outside-events.ts';
import { eventIdOrUndefined, verifiedEvent, type SignatureChecker } from './pdu-verification.ts';

/** Events between what is here and what was sent that are asked for at once, and how often for one transaction. */
const MOST_MISSING = 50;
const MOST_ROUNDS = 10;
/** A server that tells as many may know more; other servers tell no more at once than they like. */
const MANY = 10;
/** Events of which the state is fetched to receive one transaction. */
const MOST_STATES = 10;
/** Of fewer events it is read one by one what is known of them. */
const FEW = 3;
/** How long events wait for the whole state of a room that was just joined, in ms. */
const LONGEST_WAIT_MS = 5_000;
const NOT_COMPLETE: PduResult = {
  error: 'The whole state of the room is not here yet; the event is looked at once it is',
};
const NOT_IN_ROOM: PduResult = { error: 'Nobody of this server is in the room' };

/** What was made of events, and what those lack that could not be judged. */
interface Attempt {
  readonly verdicts: ReadonlyMap<EventId, Verdict>;
  readonly missing: ReadonlyMap<EventId, readonly EventId[]>;
  /** How many extremities the room has. */
  readonly ends: number;
}

/**
 * Receives events of other servers (Server-Server API, "Checks performed on receipt of a PDU"). Events whose surroundings
 * are here are judged and committed at once; for others the server that sent them is asked for what lies between, then for
 * the state before what is still missing. Rooms are independent of each other; within one, transactions take turns.
 */
export class EventReceiver implements PduReceiver {
  readonly #database: Database;
  readonly #writer: RoomWriter;
  readonly #gathering: EventGathering;
  readonly #signatures: SignatureChecker;
  readonly #acl: RoomAcl;
  readonly #outside: OutsideEvents;
  readonly #partial: PartialRooms;
  readonly #policies: PolicyServers;
  readonly #merging: ForkMerging;
  readonly #held: HeldEvents;
  readonly #turns = new KeyedQueue();

  constructor(needs: {
    database: Database;
    writer: RoomWriter;
    gathering: EventGathering;
    signatures: SignatureChecker;
    acl: RoomAcl;
    outside: OutsideEvents;
    partial: PartialRooms;
    policies: PolicyServers;
    merging: ForkMerging;
    onProblem: (error: unknown) => void;
  }) {
    this.#database = needs.database;
    this.#writer = needs.writer;
    this.#gathering = needs.gathering;
    this.#signatures = needs.signatures;
    this.#acl = needs.acl;
    this.#outside = needs.outside;
    this.#partial = needs.partial;
    this.#policies = needs.policies;
    this.#merging = needs.merging;
    this.#held = new HeldEvents({
      partial: needs.partial,
      release: (roomId, { origin, pdus }) => this.receive(origin, roomId, pdus),
      onProblem: needs.onProblem,
    });
  }

  async receive(
    origin: ServerName,
    roomId: RoomId,
    pdus: readonly JsonObject[],
  ): Promise<ReadonlyMap<EventId, PduResult>> {
    const row = await roomsStore.byId(this.#database, roomId);
    const results = new Map<EventId, PduResult>();
    if (!row || row.joined_count <= row.remote_joined) await this.#takeOutside(origin, roomId, pdus, results);
    if (!row) return results;
    const version = roomVersion(row.room_version);
    const refuseAll = (result: PduResult) => {
      for (const pdu of pdus) {
        const id = eventIdOrUndefined(pdu, version);
        if (id !== undefined && !results.has(id)) results.set(id, result);
      }
      return results;
    };
    if (row.joined_count <= row.remote_joined) return refuseAll(NOT_IN_ROOM);
    if (!(await this.#acl.allows(roomId, origin))) {
      return refuseAll({ error: `The access control list of the room shuts ${origin} out` });
    }
    if (!(await this.#partial.whenComplete(roomId, LONGEST_WAIT_MS))) {
      this.#held.hold(roomId, { origin, pdus });
      return refuseAll(NOT_COMPLETE);
    }
    const room = { roomId, version };
    const verified = await this.#verify(room, pdus, results);
    if (verified.length === 0) return results;
    const events = await this.#policies.complete(room, verified);
    await this.#turns.run(roomId, async () => {
      const ends = await this.#receiveVerified(origin, room, events, results);
      if (ends > MOST_EXTREMITIES) await this.#merging.merge(roomId);
    });
    return results;
  }

  async #takeOutside(
    origin: ServerName,
    roomId: RoomId,
    pdus: readonly JsonObject[],
    results: Map<EventId, PduResult>,
  ): Promise<void> {
    for (const pdu of pdus) {
      const eventId = await this.#outside.take(origin, roomId, pdu);
      if (eventId !== undefined) results.set(eventId, {});
    }
  }

  async #verify(
    room: GatheredRoom,
    pdus: readonly JsonObject[],
    results: Map<EventId, PduResult>,
  ): Promise<ReceivedEvent[]> {
    const checks = pdus.map(async (pdu) => {
      try {
        return await verifiedEvent(pdu, room.version, room.roomId, this.#signatures);
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error;
        const id = eventIdOrUndefined(pdu, room.version);
        if (id !== undefined) results.set(id, { error: error.message });
        return undefined;
      }
    });
    return (await Promise.all(checks)).filter((event) => event !== undefined);
  }

  /** @returns how many extremities the room has then. */
  async #receiveVerified(
    origin: ServerName,
    room: GatheredRoom,
    events: readonly ReceivedEvent[],
    results: Map<EventId, PduResult>,
  ): Promise<number> {
    let attempt = await this.#judge(room, events, NOTHING_FETCHED);
    if (attempt.missing.size > 0) attempt = await this.#fillAndJudge(origin, room, events, attempt);
    for (const { eventId } of events) {
      const verdict = attempt.verdicts.get(eventId);
      const missing = attempt.missing.get(eventId) ?? [];
      if (verdict?.outcome === 'rejected') results.set(eventId, { error: verdict.reason });
      else if (verdict) results.set(eventId, {});
      else results.set(eventId, { error: `These events before it could not be had: ${missing.join(', ')}` });
    }
    return attempt.ends;
  }

  /** Judges the events in one unit of work. What fails for what is missing is left out. */
  async #judge(room: GatheredRoom, events: readonly ReceivedEvent[], first: Fetched): Promise<Attempt> {
    return this.#writer.append(room.roomId, async (transaction, unit) => {
      const ids = events.map((event) => event.eventId);
      if (ids.length >= FEW) {
        transaction.foreknowledge = await Foreknowledge.read(transaction.needs, room.roomId, ids);
      }
      await keepFetched(transaction, first);
      const verdicts = new Map<EventId, Verdict>();
      const missing = new Map<EventId, readonly EventId[]>();
      for (const event of events) {
        const lacks = await unlessMissing(
          receiveEvent(transaction, unit, event).then((verdict) => {
            verdicts.set(event.eventId, verdict);
          }),
        );
        if (lacks) missing.set(event.eventId, lacks);
      }
      return { verdicts, missing, ends: transaction.point.extremities.length };
    });
  }

  async #fillAndJudge(
    origin: ServerName,
    room: GatheredRoom,
    events: readonly ReceivedEvent[],
    before: Attempt,
  ): Promise<Attempt> {
    let all = events.filter((event) => before.missing.has(event.eventId));
    let attempt = before;
    const verdicts = new Map(before.verdicts);
    const judge = async (fetched: Fetched) => {
      attempt = await this.#judge(room, all, fetched);
      for (const [eventId, verdict] of attempt.verdicts) verdicts.set(eventId, verdict);
      all = all.filter(({ eventId }) => attempt.missing.has(eventId));
    };
    for (let round = 0, isMore = true; isMore && round < MOST_ROUNDS && attempt.missing.size > 0; round++) {
      const told = await this.#between(origin, room, withoutPrevious(all, attempt.missing));
      const between = await this.#missingBefore(all, told);
      if (between.length === 0) break;
      isMore = told.length >= MANY;
      all = byDepth([...between, ...all]);
      await judge(NOTHING_FETCHED);
    }
    if (attempt.missing.size > 0) await judge(await this.#fetch(origin, room, all, attempt.missing));
    return { ...attempt, verdicts };
  }

  async #between(
    origin: ServerName,
    room: GatheredRoom,
    latest: readonly ReceivedEvent[],
  ): Promise<ReceivedEvent[]> {
    if (latest.length === 0) return [];
    const row = await roomsStore.byId(this.#database, room.roomId);
    const earliest = JSON.parse(row?.extremities ?? '[]') as EventId[];
    return this.#gathering.between(origin, room, {
      earliest: earliest.slice(-MOST_MISSING),
      latest: latest.map((event) => event.eventId),
      limit: MOST_MISSING,
      minDepth: 0,
    });
  }

  /**
   * Those that lead from what is here to the events. Servers tell as much as they may, down to the beginning of the room:
   * what came before an event that is here is history, and the state before that one has to be asked for, if it lacks. What
   * is among the events already was told before.
   */
  async #missingBefore(
    events: readonly ReceivedEvent[],
    between: readonly ReceivedEvent[],
  ): Promise<ReceivedEvent[]> {
    const told = new Map(between.map((event) => [event.eventId, event]));
    for (const { eventId } of events) told.delete(eventId);
    const here = await this.#gathering.here([...told.keys()]);
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

  /** The state before what is still missing, and what authorises events and is not here. */
  async #fetch(
    origin: ServerName,
    room: GatheredRoom,
    events: readonly ReceivedEvent[],
    missing: Attempt['missing'],
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
      const found = await this.#gathering.withState(origin, room, id);
      if (found) withState.push(found);
    }
    const outliers: ReceivedEvent[] = [];
    for (const id of lackAuth.slice(0, MOST_STATES)) {
      outliers.push(...(await this.#gathering.authChain(origin, room, id)));
    }
    return { outliers, withState };
  }
}

/** Those of the events that lack an event before them which is not among them; what others lack authorises them. */
function withoutPrevious(events: readonly ReceivedEvent[], missing: Attempt['missing']): ReceivedEvent[] {
  const here = new Set(events.map((event) => event.eventId));
  return events.filter((event) => {
    const previous = new Set(prevEventIdsOf(event.pdu));
    return missing.get(event.eventId)?.some((id) => previous.has(id) && !here.has(id)) === true;
  });
}

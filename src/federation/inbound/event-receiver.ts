import type { Timers } from '../../platform/timers.ts';
import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import { receiveEvent, type ReceivedEvent, type Verdict } from '../../rooms/event-receipt.ts';
import { Foreknowledge } from '../../rooms/foreknowledge.ts';
import type { PartialRooms } from '../../rooms/partial-rooms.ts';
import type { RoomWriter } from '../../rooms/room-writer.ts';
import type { Database } from '../../storage/database.ts';
import * as roomServersStore from '../../storage/room-servers-store.ts';
import * as roomsStore from '../../storage/rooms-store.ts';
import type { PduReceiver, PduResult } from '../receiving/pdu-receiver.ts';
import type { PolicyServers } from '../policy-servers.ts';
import type { RoomAcl } from '../room-acl.ts';
import { inTimelineOrder } from './event-order.ts';
import type { EventGathering, GatheredRoom } from './event-gathering.ts';
import { MOST_EXTREMITIES, type ForkMerging } from './fork-merging.ts';
import { GapFilling, type Missing } from './gap-filling.ts';
import { GapTurns } from './gap-turns.ts';
import { keepFetched, NOTHING_FETCHED, unlessMissing, type Fetched } from './keep-fetched.ts';
import type { OutsideEvents } from './outside-events.ts';
import { eventIdOrUndefined, verifiedEvent, type SignatureChecker } from './pdu-verification.ts';
import { WaitingEvents, type Batch, type SentEvent } from './waiting-events.ts';

/** Servers beside the one that sent events which are asked for what these lack. */
const MOST_OTHERS = 2;
/** Events of which the state is fetched to receive one transaction. */
const MOST_STATES = 10;
/** Events judged in one unit of work. */
const AT_ONCE = 100;
const NOT_IN_ROOM: PduResult = { error: 'Nobody of this server is in the room' };

/** Where events come from, and which server is asked for what they lack. */
interface Source {
  readonly origin: ServerName;
  readonly asked: ServerName;
}

/** What became of events, and those that could not be judged for what they lack. */
interface Receipt {
  readonly results: Map<EventId, PduResult>;
  readonly unplaced: SentEvent[];
}

/** Makes this server's guests leave a room if it lets them in no more. */
interface GuestRemoval {
  removeGuests(roomId: RoomId): Promise<void>;
}

/** What was made of events, and what those lack that could not be judged. */
interface Attempt {
  readonly verdicts: ReadonlyMap<EventId, Verdict>;
  readonly missing: Missing;
  /** How many extremities the room has. */
  readonly ends: number;
}

/**
 * Receives events of other servers (Server-Server API, "Checks performed on receipt of a PDU"). Events whose surroundings
 * are here are judged and committed at once; for others the server that sent them is asked for what lies between, then for
 * the state before what is still missing. Rooms are independent of each other, and so are servers: what one does not tell holds
 * up only what it sent.
 */
export class EventReceiver implements PduReceiver {
  readonly #database: Database;
  readonly #writer: RoomWriter;
  readonly #gaps: GapFilling;
  readonly #signatures: SignatureChecker;
  readonly #acl: RoomAcl;
  readonly #outside: OutsideEvents;
  readonly #partial: PartialRooms;
  readonly #policies: PolicyServers;
  readonly #merging: ForkMerging;
  readonly #guests: GuestRemoval;
  readonly #waiting: WaitingEvents;
  readonly #turns: GapTurns;

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
    guests: GuestRemoval;
    clock: { now(): number };
    timers: Timers;
    onProblem: (error: unknown) => void;
  }) {
    this.#database = needs.database;
    this.#writer = needs.writer;
    this.#gaps = new GapFilling(needs.database, needs.gathering);
    this.#turns = new GapTurns(needs.timers);
    this.#signatures = needs.signatures;
    this.#acl = needs.acl;
    this.#outside = needs.outside;
    this.#partial = needs.partial;
    this.#policies = needs.policies;
    this.#merging = needs.merging;
    this.#guests = needs.guests;
    const { database, clock, timers, partial, onProblem } = needs;
    this.#waiting = new WaitingEvents({
      ...{ database, clock, timers, partial, onProblem },
      tryAgain: (roomId, batch) => this.#receiveAgain(roomId, batch),
    });
  }

  async receive(
    origin: ServerName,
    roomId: RoomId,
    pdus: readonly JsonObject[],
  ): Promise<ReadonlyMap<EventId, PduResult>> {
    const { results, unplaced } = await this.#receive({ origin, asked: origin }, roomId, pdus);
    await this.#waiting.keep(roomId, { origin, events: unplaced });
    return results;
  }

  /** Begins to look again at what could not be judged. Call it once it is known which rooms are not whole. */
  start(): void {
    this.#waiting.start();
  }

  /** Looks no more at what could not be judged. */
  stop(): void {
    this.#waiting.stop();
  }

  /** Asks other servers in the room, too, where the one that sent the events does not tell. Gives what is still not judged. */
  async #receiveAgain(roomId: RoomId, { origin, events }: Batch): Promise<ReadonlySet<EventId>> {
    let left = events;
    const others = (await roomServersStore.of(this.#database, roomId)).filter((server) => server !== origin);
    for (const asked of [origin, ...others.slice(0, MOST_OTHERS)]) {
      const pdus = left.map((event) => event.pdu);
      const { unplaced } = await this.#receive({ origin, asked }, roomId, pdus);
      left = unplaced;
      if (left.length === 0) break;
    }
    return new Set(left.map((event) => event.eventId));
  }

  async #receive(source: Source, roomId: RoomId, pdus: readonly JsonObject[]): Promise<Receipt> {
    const { origin } = source;
    const row = await roomsStore.byId(this.#database, roomId);
    const receipt: Receipt = { results: new Map(), unplaced: [] };
    const { results } = receipt;
    if (!row || row.joined_count <= row.remote_joined) await this.#takeOutside(origin, roomId, pdus, results);
    if (!row) return receipt;
    const version = roomVersion(row.room_version);
    const refuseAll = (result: PduResult) => {
      for (const pdu of pdus) {
        const id = eventIdOrUndefined(pdu, version);
        if (id !== undefined && !results.has(id)) results.set(id, result);
      }
      return receipt;
    };
    if (row.joined_count <= row.remote_joined) return refuseAll(NOT_IN_ROOM);
    if (!(await this.#acl.allows(roomId, origin))) {
      return refuseAll({ error: `The access control list of the room shuts ${origin} out` });
    }
    const room = { roomId, version };
    const verified = await this.#verify(room, pdus, results);
    if (verified.length === 0) return receipt;
    const events = await this.#policies.complete(room, verified);
    const ends = await this.#receiveVerified(source.asked, room, events, receipt);
    if (ends > MOST_EXTREMITIES) await this.#merging.merge(roomId);
    if (events.some(({ pdu }) => pdu.type === 'm.room.guest_access')) await this.#guests.removeGuests(roomId);
    return receipt;
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
    asked: ServerName,
    room: GatheredRoom,
    events: readonly ReceivedEvent[],
    { results, unplaced }: Receipt,
  ): Promise<number> {
    let attempt = await this.#judge(room, events, NOTHING_FETCHED);
    if (attempt.missing.size > 0) {
      const first = attempt;
      attempt = await this.#turns.run(room.roomId, asked, () =>
        this.#fillAndJudge(asked, room, events, first),
      );
    }
    for (const { eventId, pdu } of events) {
      const verdict = attempt.verdicts.get(eventId);
      const missing = attempt.missing.get(eventId) ?? [];
      if (verdict?.outcome === 'rejected') results.set(eventId, { error: verdict.reason });
      else if (verdict) results.set(eventId, {});
      else {
        results.set(eventId, { error: `These events before it could not be had: ${missing.join(', ')}` });
        unplaced.push({ eventId, pdu: pdu as unknown as JsonObject });
      }
    }
    return attempt.ends;
  }

  /** Judges the events in one unit of work. What fails for what is missing is left out. */
  async #judge(room: GatheredRoom, events: readonly ReceivedEvent[], first: Fetched): Promise<Attempt> {
    return this.#writer.append(room.roomId, async (transaction, unit) => {
      const ids = events.map((event) => event.eventId);
      transaction.foreknowledge = await Foreknowledge.read(transaction.needs, room.roomId, ids);
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
    asked: ServerName,
    room: GatheredRoom,
    events: readonly ReceivedEvent[],
    before: Attempt,
  ): Promise<Attempt> {
    let all = events.filter((event) => before.missing.has(event.eventId));
    let attempt = before;
    const verdicts = new Map(before.verdicts);
    const judge = async (fetched: Fetched) => {
      attempt = await this.#judgeAll(room, all, fetched);
      for (const [eventId, verdict] of attempt.verdicts) verdicts.set(eventId, verdict);
      all = all.filter(({ eventId }) => attempt.missing.has(eventId));
    };
    // Somebody else may have told meanwhile what was missing.
    await judge(NOTHING_FETCHED);
    if (attempt.missing.size > 0) {
      const between = await this.#gaps.before(asked, room, all, attempt.missing);
      all = inTimelineOrder([...between, ...all]);
      if (between.length > 0) await judge(NOTHING_FETCHED);
    }
    if (attempt.missing.size > 0) {
      // While members of the room are yet to come, no state is put beside what is known of it.
      const most = this.#partial.isPartial(room.roomId) ? 0 : MOST_STATES;
      await judge(await this.#gaps.statesFor(asked, room, all, attempt.missing, most));
    }
    return { ...attempt, verdicts };
  }

  /** Judges events, some at a time: others write meanwhile. */
  async #judgeAll(room: GatheredRoom, events: readonly ReceivedEvent[], first: Fetched): Promise<Attempt> {
    const verdicts = new Map<EventId, Verdict>();
    const missing = new Map<EventId, readonly EventId[]>();
    let ends = 0;
    for (let i = 0; i === 0 || i < events.length; i += AT_ONCE) {
      const attempt = await this.#judge(
        room,
        events.slice(i, i + AT_ONCE),
        i === 0 ? first : NOTHING_FETCHED,
      );
      for (const [id, verdict] of attempt.verdicts) verdicts.set(id, verdict);
      for (const [id, lacks] of attempt.missing) missing.set(id, lacks);
      ends = attempt.ends;
    }
    return { verdicts, missing, ends };
  }
}

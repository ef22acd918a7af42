import type { Timers } from '../../platform/timers.ts';
import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import type { ReceivedEvent } from '../../rooms/appending/event-receipt.ts';
import { MOST_UNSETTLED } from '../../rooms/appending/unsettled-events.ts';
import type { PartialRooms } from '../../rooms/state/partial-rooms.ts';
import type { RoomWriter } from '../../rooms/appending/room-writer.ts';
import type { Database } from '../../storage/database.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import type { PduReceiver, PduResult } from '../receiving/pdu-receiver.ts';
import type { PolicyServers } from '../policy-servers.ts';
import type { RoomAcl } from '../room-acl.ts';
import { AnswerInTime } from './answer-in-time.ts';
import type { EventGathering, GatheredRoom } from './event-gathering.ts';
import { MOST_EXTREMITIES, type ForkMerging } from './fork-merging.ts';
import { EventJudging, type Attempt, type JudgingRoom } from './event-judging.ts';
import type { OutsideEvents } from './outside-events.ts';
import { eventIdOrUndefined, verifiedEvent, type SignatureChecker } from './pdu-verification.ts';
import type { ServersToAsk } from './servers-to-ask.ts';
import { WaitingEvents, type Batch, type SentEvent } from './waiting-events.ts';

/** Servers beside the one that sent events which are asked for what these lack. */
const MOST_OTHERS = 2;
const WAITS_FOR_MEMBERS =
  'Too much came before the members of the room are known: it is judged once they are';
const NOT_IN_ROOM: PduResult = { error: 'Nobody of this server is in the room' };

/** Where events come from, and which server is asked for what they lack. */
interface Source {
  readonly origin: ServerName;
  readonly asked: ServerName;
}

/** What became of events, and those that could not be judged for what they lack. */
interface Receipt {
  readonly results: Map<EventId, PduResult>;
  readonly rejected: EventId[];
  readonly unplaced: SentEvent[];
}

/** What became of a join of a user of this server, and whether it could be judged. */
export interface OwnReceipt {
  readonly error?: string;
  readonly isPlaced: boolean;
}

/** Makes this server's guests leave a room if it lets them in no more. */
export interface GuestRemoval {
  removeGuests(roomId: RoomId): Promise<void>;
}

/**
 * Receives events of other servers (Server-Server API, "Checks performed on receipt of a PDU"). Events whose surroundings
 * are here are judged and committed at once; for others the server that sent them is asked for what lies between, then for
 * the state before what is still missing. Rooms are independent of each other, and so are servers: what one does not tell holds
 * up only what it sent to that room: what is not judged in time is kept in the database, and its server is answered.
 */
export class EventReceiver implements PduReceiver {
  readonly #database: Database;
  readonly #writer: RoomWriter;
  readonly #judging: EventJudging;
  readonly #signatures: SignatureChecker;
  readonly #acl: RoomAcl;
  readonly #outside: OutsideEvents;
  readonly #partial: PartialRooms;
  readonly #policies: PolicyServers;
  readonly #merging: ForkMerging;
  readonly #serversToAsk: ServersToAsk;
  readonly #guests: GuestRemoval;
  readonly #waiting: WaitingEvents;
  readonly #inTime: AnswerInTime;
  readonly #onProblem: (error: unknown) => void;

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
    serversToAsk: ServersToAsk;
    guests: GuestRemoval;
    clock: { now(): number };
    timers: Timers;
    onProblem: (error: unknown) => void;
  }) {
    this.#database = needs.database;
    this.#writer = needs.writer;
    this.#judging = new EventJudging(needs);
    this.#signatures = needs.signatures;
    this.#acl = needs.acl;
    this.#outside = needs.outside;
    this.#partial = needs.partial;
    this.#policies = needs.policies;
    this.#merging = needs.merging;
    this.#serversToAsk = needs.serversToAsk;
    this.#guests = needs.guests;
    const { database, clock, timers, partial, onProblem } = needs;
    this.#inTime = new AnswerInTime(timers);
    this.#onProblem = onProblem;
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
    const judging = this.#receiveOnce(origin, roomId, pdus);
    if (await this.#inTime.isOver(origin, roomId, judging)) return (await judging).results;
    const kept = await this.#keepMeanwhile(origin, roomId, pdus);
    if (!kept) return (await judging).results;
    const release = async () => {
      const { unplaced } = await judging;
      const left = new Set(unplaced.map(({ eventId }) => eventId));
      await this.#waiting.release(
        roomId,
        origin,
        kept.filter((eventId) => !left.has(eventId)),
      );
    };
    // Where this fails or never ends, what is kept is looked at again.
    this.#inTime.goesOn(origin, roomId, release()).catch((error: unknown) => {
      if (!this.#waiting.isStopped) this.#onProblem(error);
    });
    return new Map(kept.map((eventId) => [eventId, {}]));
  }

  /** Takes a join of a user of this server that another one let into a room that is here; nobody here need be in it. */
  async receiveJoin(asked: ServerName, roomId: RoomId, join: ReceivedEvent): Promise<OwnReceipt> {
    const row = await roomsStore.byId(this.#database, roomId);
    if (!row) return { isPlaced: false };
    const receipt: Receipt = { results: new Map(), rejected: [], unplaced: [] };
    // Whoever comes is let in, however much waits for the members of the room.
    const room = { roomId, version: roomVersion(row.room_version), mostUnsettled: Infinity };
    const events = await this.#policies.complete(room, [join]);
    await this.#receiveVerified(asked, room, events, receipt);
    return { ...receipt.results.get(join.eventId), isPlaced: receipt.unplaced.length === 0 };
  }

  /** Begins to look again at what could not be judged. Call it once it is known which rooms are not whole. */
  start(): void {
    this.#waiting.start();
  }

  /** Looks no more at what could not be judged. */
  stop(): void {
    this.#waiting.stop();
  }

  async #receiveOnce(
    origin: ServerName,
    roomId: RoomId,
    pdus: readonly JsonObject[],
  ): Promise<Pick<Receipt, 'results' | 'unplaced'>> {
    const { results, rejected, unplaced } = await this.#receive({ origin, asked: origin }, roomId, pdus);
    await this.#waiting.keep(roomId, { origin, events: unplaced });
    // What is refused before all members of the room are known is judged again then: nobody can say yet what was wrong.
    if (this.#partial.isPartial(roomId)) for (const eventId of rejected) results.set(eventId, {});
    return { results, unplaced };
  }

  /** Keeps events while they are judged, if all of them can be. Their IDs, when they are durable. */
  async #keepMeanwhile(
    origin: ServerName,
    roomId: RoomId,
    pdus: readonly JsonObject[],
  ): Promise<EventId[] | undefined> {
    const room = await this.#find(roomId);
    if (room?.isHere !== true) return undefined;
    const events: SentEvent[] = [];
    for (const pdu of pdus) {
      const eventId = eventIdOrUndefined(pdu, room.version);
      if (eventId !== undefined) events.push({ eventId, pdu });
    }
    const isKept = await this.#waiting.keepAll(roomId, { origin, events });
    return isKept ? events.map(({ eventId }) => eventId) : undefined;
  }

  /** Asks other servers in the room, too, where the one that sent the events does not tell. Gives what is still not judged. */
  async #receiveAgain(roomId: RoomId, { origin, events }: Batch): Promise<ReadonlySet<EventId>> {
    let left = events;
    const others = await this.#serversToAsk.of(roomId, MOST_OTHERS, origin);
    for (const asked of [origin, ...others]) {
      const pdus = left.map((event) => event.pdu);
      const { unplaced } = await this.#receive({ origin, asked }, roomId, pdus);
      left = unplaced;
      if (left.length === 0) break;
    }
    return new Set(left.map((event) => event.eventId));
  }

  async #receive(source: Source, roomId: RoomId, pdus: readonly JsonObject[]): Promise<Receipt> {
    const { origin } = source;
    const room = await this.#find(roomId);
    const receipt: Receipt = { results: new Map(), rejected: [], unplaced: [] };
    const { results } = receipt;
    if (room?.isHere !== true) await this.#takeOutside(origin, roomId, pdus, results);
    if (!room) return receipt;
    const { version } = room;
    const refuseAll = (result: PduResult) => {
      for (const pdu of pdus) {
        const id = eventIdOrUndefined(pdu, version);
        if (id !== undefined && !results.has(id)) results.set(id, result);
      }
      return receipt;
    };
    if (!room.isHere) return refuseAll(NOT_IN_ROOM);
    if (!(await this.#acl.allowsByNow(roomId, origin))) {
      return refuseAll({ error: `The access control list of the room shuts ${origin} out` });
    }
    const sent = { ...room, sentBy: origin };
    const verified = await this.#verify(sent, pdus, results);
    if (verified.length === 0) return receipt;
    const events = await this.#policies.complete(room, verified);
    const limited = { ...sent, mostUnsettled: MOST_UNSETTLED };
    const { ends, touchesGuests } = await this.#receiveVerified(source.asked, limited, events, receipt);
    if (ends > MOST_EXTREMITIES) await this.#merging.merge(roomId);
    if (touchesGuests) await this.#guests.removeGuests(roomId);
    return receipt;
  }

  /** A room, and whether somebody of this server is in it; from memory where this process has it in use. */
  async #find(roomId: RoomId): Promise<(GatheredRoom & { isHere: boolean }) | undefined> {
    const known = this.#writer.knownRoom(roomId);
    if (known && known.point.joinedCount > known.point.remoteJoined) {
      return { roomId, version: known.version, isHere: true };
    }
    const row = await roomsStore.byId(this.#database, roomId);
    const isHere = row !== undefined && row.joined_count > row.remote_joined;
    return row && { roomId, version: roomVersion(row.room_version), isHere };
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
        return await verifiedEvent(pdu, room.version, room.roomId, this.#signatures, room.sentBy);
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error;
        const id = eventIdOrUndefined(pdu, room.version);
        if (id !== undefined) results.set(id, { error: error.message });
        return undefined;
      }
    });
    return (await Promise.all(checks)).filter((event) => event !== undefined);
  }

  /** Judges events and notes in the receipt what became of each. */
  async #receiveVerified(
    asked: ServerName,
    room: JudgingRoom,
    events: readonly ReceivedEvent[],
    { results, rejected, unplaced }: Receipt,
  ): Promise<Attempt> {
    const attempt = await this.#judging.judge(asked, room, events);
    for (const { eventId, pdu } of events) {
      const verdict = attempt.verdicts.get(eventId);
      const missing = attempt.missing.get(eventId) ?? [];
      if (verdict?.outcome === 'rejected') {
        rejected.push(eventId);
        results.set(eventId, { error: verdict.reason });
      } else if (verdict) results.set(eventId, {});
      else {
        const lacks = `These events before it could not be had: ${missing.join(', ')}`;
        results.set(eventId, { error: attempt.isFull ? WAITS_FOR_MEMBERS : lacks });
        unplaced.push({ eventId, pdu: pdu as unknown as JsonObject });
      }
    }
    return attempt;
  }
}

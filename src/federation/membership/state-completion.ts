import type { Timer, Timers } from '../../platform/timers.ts';
import { inParts } from '../../platform/list-parts.ts';
import { serverNameOf, type EventId, type RoomId, type ServerName } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import type { ReceivedEvent } from '../../rooms/appending/event-receipt.ts';
import { touchesGuestAccess } from '../../rooms/membership/guest-access.ts';
import { Foreknowledge } from '../../rooms/appending/foreknowledge.ts';
import type { PartialRooms } from '../../rooms/state/partial-rooms.ts';
import { membershipChange, type StateChange } from '../../rooms/events/room-changes.ts';
import type { RoomTransaction } from '../../rooms/appending/room-transaction.ts';
import { dropOtherMembersAhead, readMembersAhead } from '../../rooms/state/members-ahead.ts';
import type { RoomWriter } from '../../rooms/appending/room-writer.ts';
import { judgeAgain } from '../../rooms/appending/second-judgement.ts';
import type { StateRoot } from '../../rooms/events/stored-event.ts';
import type { Change, Database, Writer } from '../../storage/database.ts';
import * as waitingEventsStore from '../../storage/federation/waiting-events-store.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import * as partialRoomsStore from '../../storage/rooms/partial-rooms-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { EventGathering, GatheredRoom, GatheredState } from '../inbound/event-gathering.ts';
import { inAuthOrder } from '../inbound/event-order.ts';
import type { GuestRemoval } from '../inbound/event-receiver.ts';
import { keepAll } from './joined-state.ts';
import { RoomsLeftBehind } from './rooms-left-behind.ts';
import { writeWholeState, type WholeState } from './whole-state.ts';

/** Events that are kept in one step, of those that could not be kept as they came. */
const KEPT_AT_ONCE = 100;
/** How long a room is left to who joined it, to look around and speak, before its members are fetched, in milliseconds. */
const PATIENCE_MS = 200;
/** Time from one room to the next after a restart, in milliseconds: all at once they would hold up everything else. */
const APART_MS = 50;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10 * 60_000;

/** An attempt to complete a room. One that was given up stays so: what it has may lack something. */
interface Attempt extends GatheredRoom {
  isGivenUp: boolean;
  /** Whether somebody of this server was put out of the room; undefined where that was not looked up. */
  hasPutOut: boolean | undefined;
}

/**
 * Fetches the rest of the state of rooms that were joined without it, in the background, also after a restart, and
 * where another process died that fetched it. A room that everybody of this server left is let be until somebody joins
 * it again. One out of which they were put is not: whoever did that may not have been allowed to, which is known by the
 * whole state only.
 */
export class StateCompletion {
  readonly #database: Database;
  readonly #ownServer: ServerName;
  readonly #writer: RoomWriter;
  readonly #gathering: EventGathering;
  readonly #partial: PartialRooms;
  readonly #guests: GuestRemoval;
  readonly #timers: Timers;
  readonly #onProblem: (error: unknown) => void;
  readonly #underWay = new Map<RoomId, Promise<void>>();
  readonly #delayed = new Map<RoomId, Timer>();
  /** Rooms that somebody joined while they were under way: it may be that they were just given up. */
  readonly #joinedMeanwhile = new Set<RoomId>();
  readonly #leftBehind: RoomsLeftBehind;
  #stopped = false;

  constructor(needs: {
    database: Database;
    ownServer: ServerName;
    writer: RoomWriter;
    gathering: EventGathering;
    partial: PartialRooms;
    guests: GuestRemoval;
    timers: Timers;
    onProblem: (error: unknown) => void;
  }) {
    this.#database = needs.database;
    this.#ownServer = needs.ownServer;
    this.#writer = needs.writer;
    this.#gathering = needs.gathering;
    this.#partial = needs.partial;
    this.#guests = needs.guests;
    this.#timers = needs.timers;
    this.#onProblem = needs.onProblem;
    needs.database.subscribe((changes) => {
      for (const change of changes) this.#noteJoin(change);
    });
    this.#leftBehind = new RoomsLeftBehind({
      ...{ database: needs.database, partial: needs.partial, timers: needs.timers },
      isAt: (roomId) => this.#underWay.has(roomId) || this.#delayed.has(roomId),
      takeOver: (roomId) => this.#begin(roomId),
      onProblem: needs.onProblem,
    });
  }

  /** Goes on with what was not finished, one room after the other. */
  start(): void {
    for (const [i, roomId] of this.#partial.partialRooms().entries()) {
      this.#beginLater(roomId, i * APART_MS, FIRST_RETRY_MS);
    }
    this.#leftBehind.start();
  }

  /** Begins with a room that was joined, once who joined it had the server to themselves for a moment. */
  #noteJoin(change: Change): void {
    const moved = membershipChange(change);
    if (moved?.membership !== 'join' || !this.#partial.isPartial(moved.roomId)) return;
    const { roomId, userId } = moved;
    if (serverNameOf(userId) !== this.#ownServer) return;
    this.#partial.takeUpAgain(roomId);
    // The process that let them in begins.
    if (!change.isOwn || this.#delayed.has(roomId)) return;
    if (this.#underWay.has(roomId)) this.#joinedMeanwhile.add(roomId);
    else this.#beginLater(roomId, PATIENCE_MS, FIRST_RETRY_MS);
  }

  /** Begins with a room, if it is not under way. */
  #begin(roomId: RoomId, retryMs = FIRST_RETRY_MS): void {
    if (this.#stopped || this.#underWay.has(roomId)) return;
    this.#partial.takeUpAgain(roomId);
    const work = this.#complete(roomId)
      .catch((error: unknown) => {
        if (!(error instanceof MatrixError)) this.#onProblem(error);
        return false;
      })
      .then((isDone) => {
        this.#underWay.delete(roomId);
        if (this.#joinedMeanwhile.delete(roomId) && isDone) return this.#begin(roomId);
        if (!isDone) this.#beginLater(roomId, retryMs, Math.min(retryMs * 2, LONGEST_RETRY_MS));
      });
    this.#underWay.set(roomId, work);
  }

  /** Begins nothing more and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#leftBehind.stop();
    for (const timer of this.#delayed.values()) timer.cancel();
    await Promise.all(this.#underWay.values());
  }

  #beginLater(roomId: RoomId, ms: number, retryMs: number): void {
    if (this.#stopped) return;
    const run = () => {
      this.#delayed.delete(roomId);
      this.#begin(roomId, retryMs);
    };
    this.#delayed.set(roomId, this.#timers.after(ms, run));
  }

  /** Ends an attempt where this process does, or everybody of this server left the room, by this or another process. */
  async #goesOn(attempt: Attempt): Promise<boolean> {
    if (this.#stopped) attempt.isGivenUp = true;
    if (attempt.isGivenUp) return false;
    const room = await roomsStore.byId(this.#database, attempt.roomId);
    if (room && room.joined_count > room.remote_joined) return true;
    attempt.hasPutOut ??= await this.#hasPutOut(attempt.roomId);
    attempt.isGivenUp = !attempt.hasPutOut;
    return !attempt.isGivenUp;
  }

  /** Whoever of this server was in the room came into it since the join. */
  async #hasPutOut(roomId: RoomId): Promise<boolean> {
    const began = await partialRoomsStore.beginningOf(this.#database, roomId);
    if (began === undefined) return false;
    return membershipsStore.hasPutOut(this.#database, roomId, this.#ownServer, began);
  }

  /** Lets go of whoever and whatever waits for the room's state where nobody is in it. Whether the room needs no more. */
  async #giveUp({ roomId, isGivenUp }: Attempt): Promise<boolean> {
    if (this.#stopped) return false;
    if (!isGivenUp) return true;
    const unit = new UnitOfWork();
    waitingEventsStore.removeAllUntilWhole(unit, roomId);
    await this.#database.commit(unit);
    this.#partial.giveUp(roomId);
    return true;
  }

  /** Whether the room needs no more. */
  async #complete(roomId: RoomId): Promise<boolean> {
    const row = await partialRoomsStore.of(this.#database, roomId);
    const room = await roomsStore.byId(this.#database, roomId);
    if (!row || !room || row.completed_at !== null) return true;
    const version = roomVersion(room.room_version);
    const attempt: Attempt = { roomId, version, isGivenUp: false, hasPutOut: undefined };
    for (const server of JSON.parse(row.servers) as ServerName[]) {
      if (!(await this.#goesOn(attempt))) return this.#giveUp(attempt);
      const state = await this.#stateBefore(server, attempt, row.join_event_id);
      if (this.#stopped) return false;
      const whole = state && (await this.#write(attempt, state));
      if (whole === 'unusable' || !state) continue;
      if (whole === undefined) return this.#giveUp(attempt);
      const touchesGuests = await this.#writer.append(roomId, async (transaction, unit) => {
        await complete(transaction, unit, whole);
        return touchesGuestAccess(transaction);
      });
      if (touchesGuests) await this.#guests.removeGuests(roomId);
      return true;
    }
    return false;
  }

  /** As `writeWholeState`. What a server tells that is no state says nothing of what the others will tell. */
  async #write(attempt: Attempt, state: WholeState): Promise<StateRoot | 'unusable' | undefined> {
    try {
      return await writeWholeState(this.#writer, attempt.roomId, state, () => this.#goesOn(attempt));
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      return 'unusable';
    }
  }

  /**
   * Fetches the state before a join. Where one event came before the join, that is the state before that event, and the
   * event: servers beside the one that let the user in have it sooner than the join, and some tell no more than that.
   */
  async #stateBefore(server: ServerName, attempt: Attempt, joinId: EventId): Promise<WholeState | undefined> {
    const join = (await this.#gathering.here(attempt, [joinId])).get(joinId);
    const [last, ...others] = join?.prevEventIds ?? [];
    const earlier =
      last !== undefined && others.length === 0 ? await this.#stateAfter(server, attempt, last) : undefined;
    if (earlier || !(await this.#goesOn(attempt))) return earlier;
    const state = await this.#gathering.stateBefore(server, attempt, joinId);
    return state && this.#keep(attempt, state, []);
  }

  async #stateAfter(server: ServerName, attempt: Attempt, eventId: EventId): Promise<WholeState | undefined> {
    const state = await this.#gathering.stateBefore(server, attempt, eventId);
    if (!state) return undefined;
    if (state.ids.includes(eventId)) return this.#keep(attempt, state, []);
    const event = await this.#gathering.event(server, attempt, eventId);
    return event && this.#keep(attempt, state, event.pdu.state_key === undefined ? [] : [event]);
  }

  /**
   * Keeps events, some at a time, so that whoever writes into the room meanwhile need not wait, and those that came before
   * what authorises them at the end.
   *
   * @param then events that change the state.
   */
  async #keep(attempt: Attempt, state: GatheredState, then: readonly ReceivedEvent[]): Promise<WholeState> {
    const early: ReceivedEvent[] = [];
    for await (const events of state.missing) {
      if (!(await this.#goesOn(attempt))) break;
      for (const event of await this.#keepPart(attempt.roomId, events)) early.push(event);
    }
    const ordered = inAuthOrder([...early, ...then]);
    for (const part of inParts(ordered, KEPT_AT_ONCE)) {
      if (!(await this.#goesOn(attempt))) break;
      await this.#keepPart(attempt.roomId, part);
    }
    return { ids: state.ids, then: then.map((event) => event.eventId) };
  }

  /** Gives those of the events that lack what authorises them. */
  async #keepPart(roomId: RoomId, events: readonly ReceivedEvent[]): Promise<ReceivedEvent[]> {
    if (events.length === 0) return [];
    return this.#writer.append(roomId, async (room) => {
      const ids = events.map((event) => event.eventId);
      room.foreknowledge = await Foreknowledge.read(room.needs, roomId, ids);
      return keepAll(room, events);
    });
  }
}

/** Puts the whole state, which is written down, under what happened in the room since it was joined, which is judged again. */
async function complete(room: RoomTransaction, unit: Writer, whole: StateRoot): Promise<void> {
  const { reader } = room.needs;
  const row = await partialRoomsStore.of(reader, room.roomId);
  const began = await partialRoomsStore.beginningOf(reader, room.roomId);
  if (!row || began === undefined || row.completed_at !== null) return;
  await readMembersAhead(room);
  room.point.unsettled = undefined;
  await judgeAgain(room, unit, { eventId: row.join_event_id, position: began, whole });
  await dropOtherMembersAhead(room);
  room.forgetUnknownMembers(JSON.parse(row.servers) as ServerName[]);
  const position = unit.position();
  partialRoomsStore.complete(unit, room.roomId, position);
  const data: StateChange = { version: 0, partial: 'ends' };
  unit.announce({ topic: 'state', position, rooms: [room.roomId], data });
}

import type { Timers } from '../../platform/timers.ts';
import type { EventId, ServerName } from '../../protocol/identifiers.ts';
import { receiveEvent, type ReceivedEvent, type Verdict } from '../../rooms/appending/event-receipt.ts';
import { Foreknowledge } from '../../rooms/appending/foreknowledge.ts';
import { touchesGuestAccess } from '../../rooms/membership/guest-access.ts';
import { hasUnsettled } from '../../rooms/appending/unsettled-events.ts';
import type { PartialRooms } from '../../rooms/state/partial-rooms.ts';
import type { RoomWriter } from '../../rooms/appending/room-writer.ts';
import type { Database } from '../../storage/database.ts';
import type { EventGathering, GatheredRoom } from './event-gathering.ts';
import { inTimelineOrder } from './event-order.ts';
import { GapFilling, type Missing } from './gap-filling.ts';
import { GapTurns } from './gap-turns.ts';
import { keepFetched, NOTHING_FETCHED, unlessMissing, type Fetched } from './keep-fetched.ts';

/** Entries of a state that is put beside one without members: each member is a conflict between the two. */
const MOST_CONFLICTS = 300;
/** Events judged in one unit of work. */
const AT_ONCE = 100;

/** What was made of events, and what those lack that could not be judged. */
export interface Attempt {
  readonly verdicts: ReadonlyMap<EventId, Verdict>;
  readonly missing: Missing;
  /** How many extremities the room has; 0 where it is full, and nothing more goes into it to join them. */
  readonly ends: number;
  /** Whether the room takes no more before its members are known: those that were not judged need lack nothing. */
  readonly isFull: boolean;
  /** Whether the room may let guests in no more. */
  readonly touchesGuests: boolean;
}

/** Where events are judged, and how much that was not judged by the whole state may be there, in bytes. */
export interface JudgingRoom extends GatheredRoom {
  readonly mostUnsettled: number;
}

/**
 * Judges events that were found in order, once what they follow and what authorises them is here: a server is asked for what
 * lies between, then for the state before what is still missing.
 */
export class EventJudging {
  readonly #writer: RoomWriter;
  readonly #gaps: GapFilling;
  readonly #partial: PartialRooms;
  readonly #turns: GapTurns;

  constructor(needs: {
    database: Database;
    writer: RoomWriter;
    gathering: EventGathering;
    partial: PartialRooms;
    timers: Timers;
  }) {
    this.#writer = needs.writer;
    this.#gaps = new GapFilling(needs.database, needs.gathering);
    this.#partial = needs.partial;
    this.#turns = new GapTurns(needs.timers);
  }

  /** Judges events of a room; `asked` is the server that is asked for what is missing. */
  async judge(asked: ServerName, room: JudgingRoom, events: readonly ReceivedEvent[]): Promise<Attempt> {
    const attempt = await this.#judgeOnce(room, events, NOTHING_FETCHED);
    if (!isForMore(attempt)) return attempt;
    return this.#turns.run(room.roomId, asked, () => this.#fillAndJudge(asked, room, events, attempt));
  }

  /** Judges the events in one unit of work. What fails for what is missing is left out. */
  async #judgeOnce(room: JudgingRoom, events: readonly ReceivedEvent[], first: Fetched): Promise<Attempt> {
    return this.#writer.append(room.roomId, async (transaction, unit) => {
      const ids = events.map((event) => event.eventId);
      const isFull = () => hasUnsettled(transaction.point, room.mostUnsettled);
      transaction.foreknowledge = await Foreknowledge.read(transaction.needs, room.roomId, ids);
      if (!isFull()) await keepFetched(transaction, first);
      const verdicts = new Map<EventId, Verdict>();
      const missing = new Map<EventId, readonly EventId[]>();
      for (const event of events) {
        if (isFull()) {
          missing.set(event.eventId, []);
          continue;
        }
        const lacks = await unlessMissing(
          receiveEvent(transaction, unit, event).then((verdict) => {
            verdicts.set(event.eventId, verdict);
          }),
        );
        if (lacks) missing.set(event.eventId, lacks);
      }
      const ends = isFull() ? 0 : transaction.point.extremities.length;
      const touchesGuests = touchesGuestAccess(transaction);
      return { verdicts, missing, ends, isFull: isFull(), touchesGuests };
    });
  }

  async #fillAndJudge(
    asked: ServerName,
    room: JudgingRoom,
    events: readonly ReceivedEvent[],
    before: Attempt,
  ): Promise<Attempt> {
    let all = events.filter((event) => before.missing.has(event.eventId));
    let attempt = before;
    let { touchesGuests } = before;
    const verdicts = new Map(before.verdicts);
    const judge = async (fetched: Fetched) => {
      attempt = await this.#judgeAll(room, all, fetched);
      for (const [eventId, verdict] of attempt.verdicts) verdicts.set(eventId, verdict);
      touchesGuests ||= attempt.touchesGuests;
      all = all.filter(({ eventId }) => attempt.missing.has(eventId));
    };
    // Somebody else may have told meanwhile what was missing.
    await judge(NOTHING_FETCHED);
    if (isForMore(attempt)) {
      const between = await this.#gaps.before(asked, room, all, attempt.missing);
      all = inTimelineOrder([...between, ...all]);
      if (between.length > 0) await judge(NOTHING_FETCHED);
    }
    if (isForMore(attempt)) {
      const most = this.#partial.isPartial(room.roomId) ? MOST_CONFLICTS : Infinity;
      await judge(await this.#gaps.statesFor(asked, room, all, attempt.missing, most));
    }
    return { ...attempt, verdicts, touchesGuests };
  }

  /** Judges events, some at a time: others write meanwhile. */
  async #judgeAll(room: JudgingRoom, events: readonly ReceivedEvent[], first: Fetched): Promise<Attempt> {
    const verdicts = new Map<EventId, Verdict>();
    const missing = new Map<EventId, readonly EventId[]>();
    let [ends, isFull, touchesGuests] = [0, false, false];
    for (let i = 0; i === 0 || i < events.length; i += AT_ONCE) {
      const attempt = await this.#judgeOnce(
        room,
        events.slice(i, i + AT_ONCE),
        i === 0 ? first : NOTHING_FETCHED,
      );
      for (const [id, verdict] of attempt.verdicts) verdicts.set(id, verdict);
      for (const [id, lacks] of attempt.missing) missing.set(id, lacks);
      ({ ends, isFull } = attempt);
      touchesGuests ||= attempt.touchesGuests;
    }
    return { verdicts, missing, ends, isFull, touchesGuests };
  }
}

/** Whether something is left that may be judged once more is fetched. */
function isForMore({ missing, isFull }: Attempt): boolean {
  return missing.size > 0 && !isFull;
}

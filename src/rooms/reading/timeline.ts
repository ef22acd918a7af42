import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import { notFound } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import type { EventLog } from '../events/event-log.ts';
import type { RemoteHistory } from '../membership/remote-rooms.ts';
import type { StateRoot, StoredEvent } from '../events/stored-event.ts';
import type { ShownStates } from './shown-states.ts';
import type { RoomAccess, Visibility } from './visibility.ts';
import { visibleStretches } from './visible-stretches.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';

/** Gives those of the events that belong into a page, in the same order. */
export type Keep = (
  events: readonly StoredEvent[],
) => readonly StoredEvent[] | Promise<readonly StoredEvent[]>;

/** A page of a room's history. */
export interface HistoryPage {
  /** In the asked direction. */
  readonly events: readonly StoredEvent[];
  readonly start: number;
  /**
   * Where the next page begins; undefined at the end of what the user may see. A last page from which `keep` left out
   * events names its end, too: what is shown of it does not reach to there.
   */
  readonly end: number | undefined;
}

/** Events around one. */
export interface EventContext {
  readonly event: StoredEvent;
  /** Newest first. */
  readonly before: readonly StoredEvent[];
  /** Oldest first. */
  readonly after: readonly StoredEvent[];
  readonly start: number;
  readonly end: number;
  /** State after the last event of the answer; where the user may not see that, the newest that they may. */
  readonly root: StateRoot;
}

/** Events looked at for one page, when a filter lets few of them through. */
const MOST_LOOKED_AT = 1_000;
/** Stretches of history fetched from other servers for one page. */
const MOST_FETCHES = 3;

/** Reads the history of rooms as a user may see it. */
export class Timeline {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #visibility: Visibility;
  readonly #remote: RemoteHistory;
  readonly #states: ShownStates;

  constructor(needs: {
    database: Database;
    log: EventLog;
    visibility: Visibility;
    remote: RemoteHistory;
    states: ShownStates;
  }) {
    this.#database = needs.database;
    this.#log = needs.log;
    this.#visibility = needs.visibility;
    this.#remote = needs.remote;
    this.#states = needs.states;
  }

  /** One event that the user may see. 404 for any other, whether it is there or not. */
  async event(access: RoomAccess, eventId: EventId): Promise<StoredEvent> {
    const event = await this.#log.byId(eventId);
    const shown = event?.roomId === access.roomId ? await this.#visibility.shown(access, event) : undefined;
    if (!shown) {
      throw notFound('There is no such event in this room, or you may not see it');
    }
    return shown;
  }

  /** The place after everything that is there now. */
  end(): number {
    return this.#database.position();
  }

  /**
   * A page of history. Where it ends here and other servers have more, that is fetched.
   *
   * @param range.from place to begin at; undefined for the newest end (`b`) or the beginning (`f`).
   * @param range.to place to stop at.
   * @param range.limit the most events to give; more are looked at when `keep` leaves out some.
   */
  async messages(
    access: RoomAccess,
    range: { from: number | undefined; to: number | undefined; direction: 'f' | 'b'; limit: number },
    keep: Keep,
  ): Promise<HistoryPage> {
    const backwards = range.direction === 'b';
    const start = range.from ?? (backwards ? this.end() : BEFORE_HISTORY);
    const oldest = backwards ? (range.to ?? BEFORE_HISTORY) : start;
    const newest = backwards ? start : (range.to ?? this.end());
    const stretches = await visibleStretches(this.#log, access, { after: oldest, upTo: newest });
    const nextStretch = () => (backwards ? stretches.pop() : stretches.shift());
    let { after, upTo } = nextStretch() ?? { after: newest, upTo: newest };
    const found: StoredEvent[] = [];
    let leftOut = 0;
    let fetches = 0;
    for (let looked = 0; found.length < range.limit && looked < MOST_LOOKED_AT;) {
      const limit = Math.min(range.limit, MOST_LOOKED_AT - looked);
      const page = await this.#log.page(access.roomId, { after, upTo, limit, newestFirst: backwards });
      looked += page.length;
      const kept = await keep(page);
      leftOut += page.length - kept.length;
      for (const event of await this.#visibility.filter(access, kept)) {
        if (found.length < range.limit) found.push(event);
      }
      const last = (found.length === range.limit ? found : page).at(-1);
      if (last && backwards) upTo = last.position - 1;
      if (last && !backwards) after = last.position;
      if (page.length < limit && found.length < range.limit) {
        const next = nextStretch();
        if (next) {
          ({ after, upTo } = next);
          continue;
        }
        const mayFetch = backwards && range.to === undefined && fetches < MOST_FETCHES;
        fetches += 1;
        if (mayFetch && (await this.#remote.fetchBefore(access.roomId))) continue;
        const isShort = found.length > 0 && leftOut > 0;
        return { events: found, start, end: isShort ? (backwards ? upTo : after) : undefined };
      }
    }
    return { events: found, start, end: backwards ? upTo : after };
  }

  /** The events around one, at most so many before it and after it. */
  async context(
    access: RoomAccess,
    eventId: EventId,
    limits: { readonly before: number; readonly after: number },
    keep: Keep,
  ): Promise<EventContext> {
    const event = await this.event(access, eventId);
    const before = await this.messages(
      access,
      { from: event.position - 1, to: undefined, direction: 'b', limit: limits.before },
      keep,
    );
    const after = await this.messages(
      access,
      { from: event.position, to: undefined, direction: 'f', limit: limits.after },
      keep,
    );
    const last = after.events.at(-1) ?? event;
    return {
      event,
      before: before.events,
      after: after.events,
      start: before.end ?? (before.events.at(-1)?.position ?? event.position) - 1,
      end: after.end ?? last.position,
      root: await this.#states.newestVisibleRoot(access, [last]),
    };
  }

  /** Whether there is history before what is here. */
  lacksHistory(roomId: RoomId): Promise<boolean> {
    return this.#remote.lacksHistory(roomId);
  }
}

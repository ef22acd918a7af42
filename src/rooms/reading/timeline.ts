import { splitStateKey, stateKeyOf } from '../../protocol/events/event.ts';
import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import { forbidden, notFound } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import type { EventLog } from '../events/event-log.ts';
import type { PartialRooms } from '../state/partial-rooms.ts';
import type { RemoteHistory } from '../membership/remote-rooms.ts';
import type { StateDifference, StateTries } from '../state/state-trie.ts';
import type { StateRoot, StoredEvent } from '../events/stored-event.ts';
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
/** How long a request waits for the whole state of a room, in ms. */
const LONGEST_WAIT_MS = 30_000;
/** Stretches of history fetched from other servers for one page. */
const MOST_FETCHES = 3;

/** Reads the history of rooms as a user may see it. */
export class Timeline {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #tries: StateTries;
  readonly #visibility: Visibility;
  readonly #remote: RemoteHistory;
  readonly #partialRooms: PartialRooms;

  constructor(needs: {
    database: Database;
    log: EventLog;
    tries: StateTries;
    visibility: Visibility;
    remote: RemoteHistory;
    partialRooms: PartialRooms;
  }) {
    this.#database = needs.database;
    this.#log = needs.log;
    this.#tries = needs.tries;
    this.#visibility = needs.visibility;
    this.#remote = needs.remote;
    this.#partialRooms = needs.partialRooms;
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
      root: await this.newestVisibleRoot(access, [last]),
    };
  }

  /** Whether there is history before what is here. */
  lacksHistory(roomId: RoomId): Promise<boolean> {
    return this.#remote.lacksHistory(roomId);
  }

  /**
   * The state of the room at a place in the log: after the newest event up to it, or before the whole state was here what was
   * known when it was joined. Undefined before the first event.
   */
  async rootAt(roomId: RoomId, position: number): Promise<StateRoot | undefined> {
    const { events } = await this.#log.newest(roomId, BEFORE_HISTORY, position, 1);
    const [newest] = events;
    const completion = this.#partialRooms.completionOf(roomId);
    if (newest && completion && position < completion.position) return completion.joinRoot;
    return newest?.roomRoot ?? newest?.stateRoot;
  }

  /**
   * The state that a timeline starts with that begins after a place in the log. A room that was joined by way of another
   * server has state before its first event; that is given with the event's own, which the timeline shows anyway.
   */
  async rootBefore(roomId: RoomId, position: number): Promise<StateRoot | undefined> {
    const root = await this.rootAt(roomId, position);
    if (root !== undefined) return root;
    const range = { after: BEFORE_HISTORY, upTo: this.#database.position(), limit: 1, newestFirst: false };
    const [first] = await this.#log.page(roomId, range);
    return first?.type === 'm.room.create' ? undefined : first?.stateRoot;
  }

  /**
   * The state at a place in the log that the user asks for; for a place before the room, what it began with: after its
   * creator joined; for one after the user left, what it was then. Of a room that was just joined by way of another
   * server, once the whole state is here.
   *
   * @throws MatrixError 403 M_FORBIDDEN where the user may not see the room as it was then.
   */
  async visibleRootAt(access: RoomAccess, position: number): Promise<StateRoot> {
    await this.#partialRooms.whenComplete(access.roomId, LONGEST_WAIT_MS);
    const upTo = Math.min(position, await this.newestVisible(access));
    const { events } = await this.#log.newest(access.roomId, BEFORE_HISTORY, upTo, 1);
    const event = events[0] ?? (await this.#creatorsJoin(access.roomId));
    if (event && (await this.#visibility.mayReadStateAt(access, event))) {
      return event.roomRoot ?? event.stateRoot;
    }
    throw forbidden('You may not see the room as it was then');
  }

  async #creatorsJoin(roomId: RoomId): Promise<StoredEvent | undefined> {
    const range = { after: BEFORE_HISTORY, upTo: this.#database.position(), limit: 2 };
    return (await this.#log.page(roomId, { ...range, newestFirst: false })).at(-1);
  }

  /** The state that a user sees as a whole: the present one, or for who left that of the time they left. */
  async visibleRoot(access: RoomAccess): Promise<StateRoot> {
    const root = await this.rootAt(access.roomId, await this.newestVisible(access));
    if (!root) throw notFound('There is no such room');
    return root;
  }

  /** `visibleRoot`, once the whole state is here of a room that was just joined by way of another server. */
  async wholeRoot(access: RoomAccess): Promise<StateRoot> {
    await this.#partialRooms.whenComplete(access.roomId, LONGEST_WAIT_MS);
    return this.visibleRoot(access);
  }

  /** Events of a state, of those keys that `want` accepts. */
  async stateEvents(
    root: StateRoot,
    want: (type: string, stateKey: string) => boolean = () => true,
  ): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    for (const [key, eventId] of await this.#tries.entries(root)) {
      const { type, stateKey } = splitStateKey(key);
      if (!want(type, stateKey)) continue;
      const event = await this.#log.byId(eventId);
      if (event) events.push(event);
    }
    return events;
  }

  /** Keys in which two states differ. */
  difference(before: StateRoot | undefined, after: StateRoot | undefined): Promise<StateDifference[]> {
    return this.#tries.difference(before, after);
  }

  /** One event of a state. */
  async stateEvent(root: StateRoot, type: string, stateKey: string): Promise<StoredEvent | undefined> {
    const eventId = await this.#tries.get(root, stateKeyOf(type, stateKey));
    return eventId === undefined ? undefined : this.#log.byId(eventId);
  }

  /** The newest state of those at events, the newest first, that the user may see; where there is none, `visibleRoot`. */
  async newestVisibleRoot(access: RoomAccess, events: readonly StoredEvent[]): Promise<StateRoot> {
    for (const event of events) {
      if (await this.#visibility.mayReadStateAt(access, event)) return event.stateRoot;
    }
    return this.visibleRoot(access);
  }

  /**
   * Membership events of users, from a state (lazy loading). Of a room whose members are yet to come, those that it lacks are
   * taken from what authorises the events `of` theirs.
   */
  async membersFor(
    root: StateRoot,
    users: Iterable<UserId>,
    of: readonly StoredEvent[] = [],
  ): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    for (const user of new Set(users)) {
      const event =
        (await this.stateEvent(root, 'm.room.member', user)) ?? (await this.#memberBehind(user, of));
      if (event) events.push(event);
    }
    return events;
  }

  async #memberBehind(user: UserId, of: readonly StoredEvent[]): Promise<StoredEvent | undefined> {
    const event = of.findLast(({ sender }) => sender === user);
    if (!event || !this.#partialRooms.isPartial(event.roomId)) return undefined;
    const isTheirs = (one: StoredEvent) => one.type === 'm.room.member' && one.stateKey === user;
    return (await this.#log.byIds(event.authEventIds)).find(
      (one) => isTheirs(one) && one.refused === undefined,
    );
  }

  /** Where in the log the user sees the room as a whole: now, or for who left, when they did. */
  async newestVisible(access: RoomAccess): Promise<number> {
    const now = this.#database.position();
    if (access.membership === 'join' || access.joinedUntil === -Infinity) return now;
    const visibility = await this.#log.state(access.roomId, 'm.room.history_visibility', '');
    return visibility?.content.history_visibility === 'world_readable' ? now : access.joinedUntil;
  }
}

import { splitStateKey, stateKeyOf } from '../../protocol/events/event.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { forbidden, notFound } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';
import type { EventLog } from '../events/event-log.ts';
import type { StateRoot, StoredEvent } from '../events/stored-event.ts';
import type { PartialRooms } from '../state/partial-rooms.ts';
import type { StateDifference, StateTries } from '../state/state-trie.ts';
import type { RoomAccess, Visibility } from './visibility.ts';

/** How long a request waits for the whole state of a room, in ms. */
const LONGEST_WAIT_MS = 30_000;

/** Reads the states that rooms have and had: those at places of the log, and those that a user may see. */
export class ShownStates {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #tries: StateTries;
  readonly #visibility: Visibility;
  readonly #partialRooms: PartialRooms;

  constructor(needs: {
    database: Database;
    log: EventLog;
    tries: StateTries;
    visibility: Visibility;
    partialRooms: PartialRooms;
  }) {
    this.#database = needs.database;
    this.#log = needs.log;
    this.#tries = needs.tries;
    this.#visibility = needs.visibility;
    this.#partialRooms = needs.partialRooms;
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

import { stateKeyOf } from '../../protocol/events/event.ts';
import { mayRead } from '../../protocol/history-visibility.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { forbidden } from '../../protocol/matrix-error.ts';
import type { ErasedSenders } from './erased-senders.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Memberships } from '../membership/memberships.ts';
import type { Membership, RoomMembership } from './room-reads.ts';
import type { StateTries } from '../state/state-trie.ts';
import type { StateRoot, StoredEvent } from '../events/stored-event.ts';

/** Steps back through a user's membership events to find when they last were joined: an invite that is declined is two. */
const MEMBERSHIP_STEPS = 1_000;

/** What one user may see of one room. */
export interface RoomAccess {
  readonly userId: UserId;
  readonly roomId: RoomId;
  /** The user's membership now; undefined for one who never was in the room, or forgot it. */
  readonly membership: Membership | undefined;
  /** Whether the user left the room and forgot it: they see what is open to everybody. */
  readonly forgotten: boolean;
  /** Position of the event that made the membership what it is; -Infinity where there is none. */
  readonly changedAt: number;
  /** Events before this position were sent before the user last stopped being joined. */
  readonly joinedUntil: number;
}

/** Decides which events a user may see (Client-Server API, "Room history visibility"). */
export class Visibility {
  readonly #log: EventLog;
  readonly #tries: StateTries;
  readonly #memberships: Memberships;
  readonly #erased: ErasedSenders;

  constructor(needs: { log: EventLog; tries: StateTries; memberships: Memberships; erased: ErasedSenders }) {
    this.#log = needs.log;
    this.#tries = needs.tries;
    this.#memberships = needs.memberships;
    this.#erased = needs.erased;
  }

  /** What is to know of user and room before events are looked at. */
  async access(roomId: RoomId, userId: UserId): Promise<RoomAccess> {
    const last = await this.#memberships.of(roomId, userId);
    const forgotten = last?.forgotten === true;
    const now = forgotten ? undefined : last;
    const membership = now?.membership;
    const access = { userId, roomId, membership, forgotten, changedAt: now?.position ?? -Infinity };
    if (membership === 'join') return { ...access, joinedUntil: Infinity };
    return { ...access, joinedUntil: now ? await this.#joinedUntil(now) : -Infinity };
  }

  /**
   * Access for one who may read the room now or could before: joined, left after having been joined, or anybody
   * while the room is world-readable.
   *
   * @throws MatrixError 403 M_FORBIDDEN for everybody else, and for unknown rooms: who asks must not learn which.
   */
  async accessOrForbid(roomId: RoomId, userId: UserId): Promise<RoomAccess> {
    const access = await this.access(roomId, userId);
    return access.joinedUntil > -Infinity ? access : this.#openOrForbid(access);
  }

  /**
   * Access for one who may read the room as it is now: joined, or anybody while the room is world-readable.
   *
   * @throws MatrixError 403 M_FORBIDDEN for everybody else, and for unknown rooms: who asks must not learn which.
   */
  async presentAccessOrForbid(roomId: RoomId, userId: UserId): Promise<RoomAccess> {
    const access = await this.access(roomId, userId);
    return access.membership === 'join' ? access : this.#openOrForbid(access);
  }

  /**
   * Those of the events that the user may see, in the same order; one's own membership events always, so that who declined
   * an invite, was banned, or forgot the room with another device learns of it.
   * All must be of the room of `access`. Those of senders who asked to be erased are redacted where `shown` says so.
   */
  async filter(access: RoomAccess, events: readonly StoredEvent[]): Promise<StoredEvent[]> {
    const known = new Map<StateRoot, StateThen>();
    const seen: StoredEvent[] = [];
    for (const event of events) {
      // Of the time one was in the room one sees everything: that is most of it, and nothing is waited for.
      const wasThere = !event.isAside && known.get(event.stateRoot)?.membership === 'join';
      const shown = wasThere ? event : await this.#shown(access, event, known);
      if (shown) seen.push(shown);
    }
    return seen;
  }

  /** Whether the user may see the event. */
  async mayRead(access: RoomAccess, event: StoredEvent): Promise<boolean> {
    return (await this.shown(access, event)) !== undefined;
  }

  /**
   * The event, if the user may see it; redacted, if its sender asked to be erased before the user came, and the user was not
   * in the room when it was sent.
   */
  async shown(access: RoomAccess, event: StoredEvent): Promise<StoredEvent | undefined> {
    return this.#shown(access, event, new Map());
  }

  /**
   * Whether the user may see the state of the room at an event. That takes more than one's own membership event, which one
   * always sees.
   */
  async mayReadStateAt(access: RoomAccess, event: StoredEvent): Promise<boolean> {
    const joinedLater = event.position < access.joinedUntil;
    const then = await this.#knownAt(access, event.stateRoot);
    if (mayRead({ ...then, joinedLater })) return true;
    if (access.forgotten || !isOwn(access, event)) return false;
    const before = event.replaces === undefined ? undefined : await this.#log.byId(event.replaces);
    const membership = text(before?.content.membership) as Membership | undefined;
    return membership !== undefined && mayRead({ ...then, membership, joinedLater });
  }

  /** The user's membership at each of the events: a function that knows it of these. */
  async membershipsAt(
    userId: UserId,
    events: readonly StoredEvent[],
  ): Promise<(event: StoredEvent) => Membership | undefined> {
    const known = new Map<StateRoot, Membership>();
    for (const { stateRoot } of events) {
      if (!known.has(stateRoot)) known.set(stateRoot, await this.membershipAt(stateRoot, userId));
    }
    return (event) => known.get(event.stateRoot);
  }

  /** The user's membership in the state right after an event. */
  async membershipAt(root: StateRoot, userId: UserId): Promise<Membership> {
    return (await this.#stateAt(root, userId)).membership;
  }

  async #openOrForbid(access: RoomAccess): Promise<RoomAccess> {
    const visibility = await this.#log.state(access.roomId, 'm.room.history_visibility', '');
    if (visibility?.content.history_visibility === 'world_readable') return access;
    throw forbidden('You are not in this room, and it may not be read from outside');
  }

  async #shown(
    access: RoomAccess,
    event: StoredEvent,
    known: Map<StateRoot, StateThen>,
  ): Promise<StoredEvent | undefined> {
    if (isOwn(access, event)) return event;
    if (event.isAside) return undefined;
    let then = known.get(event.stateRoot);
    if (!then) {
      then = await this.#knownAt(access, event.stateRoot);
      known.set(event.stateRoot, then);
    }
    const joinedLater = event.position < access.joinedUntil;
    if (!mayRead({ ...then, joinedLater })) {
      const before = await this.#valueBefore(event);
      if (before === undefined || !mayRead({ ...then, ...before, joinedLater })) return undefined;
    }
    return then.membership === 'join' ? event : this.#erased.shown(access, event);
  }

  /** For events that change the visibility: what it was before. */
  async #valueBefore(event: StoredEvent): Promise<Partial<StateThen> | undefined> {
    if (event.type !== 'm.room.history_visibility' || event.stateKey !== '') return undefined;
    const replaced = event.replaces === undefined ? undefined : await this.#log.byId(event.replaces);
    return { visibility: text(replaced?.content.history_visibility) };
  }

  /** `#stateAt`, with what counts for the user: who forgot a room counts as one who never was in it. */
  async #knownAt({ userId, forgotten }: RoomAccess, root: StateRoot): Promise<StateThen> {
    const then = await this.#stateAt(root, userId);
    return forgotten ? { ...then, membership: 'leave' } : then;
  }

  async #stateAt(root: StateRoot, userId: UserId): Promise<StateThen> {
    const visibilityId = await this.#tries.get(root, stateKeyOf('m.room.history_visibility', ''));
    const memberId = await this.#tries.get(root, stateKeyOf('m.room.member', userId));
    const visibility = visibilityId && (await this.#log.byId(visibilityId))?.content.history_visibility;
    const membership = memberId && (await this.#log.byId(memberId))?.content.membership;
    return { visibility: text(visibility), membership: (text(membership) ?? 'leave') as Membership };
  }

  /** Position where the user's last time in the room ended; -Infinity for one who never was in it. */
  async #joinedUntil({ eventId, position }: RoomMembership): Promise<number> {
    let event = await this.#log.byId(eventId);
    for (let step = 0; event && step < MEMBERSHIP_STEPS; step++) {
      const before: StoredEvent | undefined =
        event.replaces === undefined ? undefined : await this.#log.byId(event.replaces);
      if (before?.content.membership === 'join') return step === 0 ? position : event.position;
      event = before;
    }
    return -Infinity;
  }
}

interface StateThen {
  readonly visibility: string | undefined;
  readonly membership: Membership;
}

function isOwn({ userId }: RoomAccess, event: StoredEvent): boolean {
  return event.type === 'm.room.member' && event.stateKey === userId;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

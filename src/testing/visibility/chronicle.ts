import type { Json } from '../client/test-client.ts';

/** A room as it was at one point: who was what in it, who could read it, and which events were its state. */
interface RoomThen {
  readonly visibility: string;
  readonly memberships: ReadonlyMap<string, string>;
  readonly state: ReadonlyMap<string, Json>;
}

/** One event, and the room before and after it. */
export interface Happening {
  readonly event: Json;
  readonly before: RoomThen;
  readonly after: RoomThen;
}

/**
 * What happened in a room, told by somebody who was there from the first event to the last, and what of it others may
 * learn. It is written from the specification's words alone ("Room History Visibility"), not from the server's code: the
 * two are held against each other.
 */
export class Chronicle {
  readonly happenings: readonly Happening[];
  readonly #now: RoomThen;

  /** @param events all events of the room, oldest first, as one sees them who may see all. */
  constructor(events: readonly Json[]) {
    let then: RoomThen = { visibility: 'shared', memberships: new Map(), state: new Map() };
    this.happenings = events.map((event) => {
      const before = then;
      then = after(then, event);
      return { event, before, after: then };
    });
    this.#now = then;
  }

  /**
   * Whether the room may be asked at all: by members, by those who were and have not forgotten it, and by everybody while the
   * world may read it.
   */
  isOpenTo(userId: string, hasForgotten: boolean): boolean {
    if (this.#now.visibility === 'world_readable') return true;
    return this.#lastJoined(userId) >= 0 && !hasForgotten;
  }

  /** Whether the rules give a user an event. */
  isVisible(userId: string, index: number): boolean {
    const happening = this.happenings[index];
    if (happening === undefined) return false;
    const { event, before, after: later } = happening;
    const joinsLater = this.#lastJoined(userId) > index;
    const allows = (visibility: string, membership: string | undefined): boolean =>
      visibility === 'world_readable' ||
      membership === 'join' ||
      (visibility === 'shared' && joinsLater) ||
      (visibility === 'invited' && membership === 'invite');
    const isOwn = event.type === 'm.room.member' && event.state_key === userId;
    const isAboutReading = event.type === 'm.room.history_visibility';
    const visibilities = isAboutReading ? [before.visibility, later.visibility] : [later.visibility];
    const moments = isOwn ? [before, later] : [later];
    return visibilities.some((visibility) =>
      moments.some(({ memberships }) => allows(visibility, memberships.get(userId))),
    );
  }

  /**
   * Events that a user may come across though the rules do not give them: those about the user, and what was the state of
   * the room when the user could read it, was invited to it, or now that the user still is.
   */
  mayComeAcross(userId: string): ReadonlySet<string> {
    const known = new Set<string>();
    this.happenings.forEach(({ event, after: then }, index) => {
      const isOwn = event.type === 'm.room.member' && event.state_key === userId;
      const isVisible = this.isVisible(userId, index);
      if (isOwn || isVisible) known.add(event.event_id);
      const isInvited = isOwn && then.memberships.get(userId) === 'invite';
      for (const [key, one] of then.state) {
        if (isVisible || (isInvited && IN_INVITES.has(key))) known.add(one.event_id);
      }
    });
    if (this.#now.memberships.get(userId) === 'invite') {
      for (const [key, one] of this.#now.state) if (IN_INVITES.has(key)) known.add(one.event_id);
    }
    return known;
  }

  #lastJoined(userId: string): number {
    return this.happenings.findLastIndex(({ after: then }) => then.memberships.get(userId) === 'join');
  }
}

/** The state that comes with an invite ("Stripped state"). */
const IN_INVITES = new Set(
  ['create', 'name', 'topic', 'avatar', 'join_rules', 'canonical_alias', 'encryption'].map(
    (name) => `m.room.${name}|`,
  ),
);

function after(then: RoomThen, event: Json): RoomThen {
  if (event.state_key === undefined) return then;
  const state = new Map(then.state).set(`${event.type}|${event.state_key}`, event);
  if (event.type === 'm.room.history_visibility') {
    return { ...then, state, visibility: event.content.history_visibility };
  }
  if (event.type !== 'm.room.member') return { ...then, state };
  return {
    ...then,
    state,
    memberships: new Map(then.memberships).set(event.state_key, event.content.membership),
  };
}

import { stateKeyOf, type RoomEvent, type StateKey } from '../events/event.ts';
import type { EventId, RoomId, UserId } from '../identifiers.ts';
import type { JsonObject } from '../json.ts';
import { roomVersion, type RoomVersion } from '../room-versions.ts';
import { checkAuth, type AuthResult } from './auth-rules.ts';

/** The user of a name in a test room; names with a colon have a server of their own. */
export function userOf(name: string): UserId {
  return (name.includes(':') ? `@${name}` : `@${name}:example.org`) as UserId;
}

/** A room to try events in: it keeps those that the rules let in. For tests. */
export class AuthRoom {
  readonly version: RoomVersion;
  readonly state = new Map<StateKey, RoomEvent>();
  #count = 0;
  #last: EventId | undefined;

  /** A room that Alice made, with the given rules for joining. */
  constructor(version: string, joinRule = 'public', create: JsonObject = {}) {
    this.version = roomVersion(version);
    const creator = this.version.updatedRedaction ? {} : { creator: userOf('alice') };
    this.must('alice', 'm.room.create', '', { ...creator, ...create });
    this.must('alice', 'm.room.member', userOf('alice'), { membership: 'join' });
    this.must('alice', 'm.room.join_rules', '', { join_rule: joinRule });
  }

  /** What the rules say of an event; it is kept if they let it in. */
  try(
    sender: string,
    type: string,
    stateKey: string | undefined,
    content: JsonObject,
    redacts?: string,
  ): AuthResult {
    this.#count += 1;
    const event: RoomEvent = {
      eventId: `$event${this.#count}:${userOf(sender).split(':')[1] ?? ''}` as EventId,
      roomId: '!room:example.org' as RoomId,
      type,
      stateKey,
      sender: userOf(sender),
      content,
      originServerTs: this.#count,
      depth: this.#count,
      authEventIds: [],
      prevEventIds: this.#last === undefined ? [] : [this.#last],
      redacts: redacts as EventId | undefined,
    };
    const result = checkAuth(this.version, event, (of, key) => this.state.get(stateKeyOf(of, key)));
    if (result.allowed) {
      this.#last = event.eventId;
      if (stateKey !== undefined) this.state.set(stateKeyOf(type, stateKey), event);
    }
    return result;
  }

  /** An event that the rules must let in. */
  must(sender: string, type: string, stateKey: string | undefined, content: JsonObject): void {
    const result = this.try(sender, type, stateKey, content);
    if (!result.allowed) throw new Error(`${sender} could not send ${type}: ${result.reason}`);
  }

  /** Whether the rules let an event in. */
  allows(
    sender: string,
    type: string,
    stateKey: string | undefined,
    content: JsonObject = {},
    redacts?: string,
  ): boolean {
    return this.try(sender, type, stateKey, content, redacts).allowed;
  }

  /** Whether somebody may set somebody's membership. */
  member(sender: string, membership: string, target: string = sender, more: JsonObject = {}): boolean {
    return this.allows(sender, 'm.room.member', userOf(target), { membership, ...more });
  }

  /** Sets power levels as Alice. */
  levels(users: Record<string, number>, more: JsonObject = {}): void {
    const listed = Object.entries(users).map(([name, level]) => [userOf(name), level] as const);
    const alice = this.version.roomIdIsCreateHash ? [] : [[userOf('alice'), 100] as const];
    this.must('alice', 'm.room.power_levels', '', {
      users: Object.fromEntries([...alice, ...listed]),
      ...more,
    });
  }
}

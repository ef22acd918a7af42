import type { RoomEvent } from '../../protocol/events/event.ts';
import {
  serverNameOf,
  type EventId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';

export type Membership = 'join' | 'invite' | 'knock' | 'leave' | 'ban';

/** A room and what a user is in it. */
export interface RoomMembership {
  readonly roomId: RoomId;
  readonly membership: Membership;
  /** Position of the membership event in the log. */
  readonly position: number;
  readonly eventId: EventId;
  /** Who sent the membership event. */
  readonly sender: UserId;
  readonly forgotten: boolean;
}

/** The server of who invited the user: it is in the room, though the user need not know of any. */
export function serversOfInvite(member: RoomMembership | undefined): ServerName[] {
  return member?.membership === 'invite' ? [serverNameOf(member.sender)] : [];
}

/** An event as it is kept: what the rules see, and its place in the log. */
export interface LoggedEvent extends RoomEvent {
  readonly position: number;
  /** The state event of the same key that this one replaced. */
  readonly replaces: EventId | undefined;
  readonly redactedBy: EventId | undefined;
  /** Events of which a redaction says that it redacts them: one of them at most is redacted by it. */
  readonly namedTargets: readonly EventId[];
}

/**
 * What modules read of rooms. Everything given here is committed. Lists are of local and remote users alike; ask
 * for members page by page.
 */
export interface RoomReads {
  /** The user's membership now; undefined for one who never was in the room, or for an unknown room. */
  membership(roomId: RoomId, userId: UserId): Promise<RoomMembership | undefined>;
  /** Rooms the user is joined to. Cached for users seen lately. */
  joinedRooms(userId: UserId): Promise<ReadonlySet<RoomId>>;
  /**
   * As `joinedRooms`, with all that other processes committed before the call: for what is told to everybody in those rooms
   * once. Costs a query where there may be other processes.
   */
  joinedRoomsByNow(userId: UserId): Promise<ReadonlySet<RoomId>>;
  /** All of the user's rooms. */
  roomsOf(userId: UserId): Promise<readonly RoomMembership[]>;
  /** Joined users after `after` in order of user ID, at most `limit`. */
  joinedMembers(roomId: RoomId, after: UserId | undefined, limit: number): Promise<readonly UserId[]>;
  joinedCount(roomId: RoomId): Promise<number>;
  /** Users whose membership event is among the room's with `after` < position <= `upTo`, at most 1,000. */
  movedMembers(roomId: RoomId, after: number, upTo: number): Promise<readonly UserId[]>;
  /** Whether two users are joined to one room. */
  shareRoom(one: UserId, other: UserId): Promise<boolean>;
  /** One event by ID, redacted if it was redacted. Makes no check of who may see it. */
  event(eventId: EventId): Promise<LoggedEvent | undefined>;
  /** One entry of the current state. */
  state(roomId: RoomId, type: string, stateKey: string): Promise<LoggedEvent | undefined>;
  /** The newest events of a room with `after` < position <= `upTo`, oldest first, at most `limit`. */
  newestEvents(roomId: RoomId, after: number, upTo: number, limit: number): Promise<readonly LoggedEvent[]>;
  /**
   * The oldest events of a room with `after` < position <= `upTo`, at most `limit`. For long stretches: what is read here
   * takes no place in the caches.
   */
  oldestEvents(roomId: RoomId, after: number, upTo: number, limit: number): Promise<readonly LoggedEvent[]>;
  /** The oldest events of all rooms with `after` < position <= `upTo`, at most `limit`; not for the caches either. */
  oldestAnywhere(after: number, upTo: number, limit: number): Promise<readonly LoggedEvent[]>;
  /** Position of the event before the newest `count` with `after` < position <= `upTo`; undefined when there are fewer. */
  positionBefore(roomId: RoomId, after: number, upTo: number, count: number): Promise<number | undefined>;
  /** 403 M_FORBIDDEN unless the user is joined. */
  assertJoined(roomId: RoomId, userId: UserId): Promise<void>;
}

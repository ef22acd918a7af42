import type { Pdu } from '../../protocol/events/event.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';

/** An invite that this server made and signed, for a user of another. */
export interface SignedInvite {
  readonly roomId: RoomId;
  readonly version: RoomVersion;
  readonly eventId: EventId;
  readonly pdu: Pdu;
}

/** A membership that a user of this server wants in a room that other servers have. */
export interface RemoteMembershipWish {
  readonly userId: UserId;
  readonly roomId: RoomId;
  /** Content of the membership event. */
  readonly content: JsonObject;
  /** Servers that may be in the room. */
  readonly servers: readonly ServerName[];
  /** Whether the user has no account: only rooms that let guests in are joined. */
  readonly isGuest?: boolean;
}

/**
 * What the rooms need of other servers; `federation/` does it. Every method rejects with a MatrixError when no server
 * does what is asked.
 */
export interface RemoteRooms {
  /** Joins by way of a server that is in the room. Resolves when the room is usable here. */
  join(wish: RemoteMembershipWish): Promise<void>;
  knock(wish: RemoteMembershipWish): Promise<void>;
  /** Declines an invite or takes back a knock. Where no server can be asked, only this server knows. */
  leave(wish: RemoteMembershipWish): Promise<void>;
  /** Asks the invited user's server to sign an invite. Gives it with its signature. */
  invite(invite: SignedInvite, target: UserId, strippedState: readonly Pdu[]): Promise<Pdu>;
}

/** An event and its time, as its server claims it. */
export interface TimedEvent {
  readonly eventId: EventId;
  /** Milliseconds since the epoch. */
  readonly originServerTs: number;
}

/** History that other servers have and this one has not. */
export interface RemoteHistory {
  /** Whether the room's timeline follows on events that are not here. */
  lacksHistory(roomId: RoomId): Promise<boolean>;
  /** Fetches a stretch of what is missing. False when there is nothing to fetch, or nobody gives it. */
  fetchBefore(roomId: RoomId): Promise<boolean>;
  /** The event nearest to a time of which another server knows, where history is missing here. It is not fetched. */
  eventByTime(roomId: RoomId, ts: number, direction: 'f' | 'b'): Promise<TimedEvent | undefined>;
  /** Fetches what is missing back to an event, some 2,000 events at most. Whether the event is in the timeline then. */
  fetchBackTo(roomId: RoomId, eventId: EventId): Promise<boolean>;
}

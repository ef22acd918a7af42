import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { Change } from '../../storage/database.ts';
import type { Membership } from '../reading/room-reads.ts';

/** Data of a change with topic `event`: an event was added at the end of a timeline. */
export interface EventChange extends JsonObject {
  eventId: EventId;
  type: string;
  stateKey?: string;
  membership?: string;
  /** Set for a membership that is not the room's present state: the room had forked, and another holds. */
  withoutEffect?: true;
  sender: UserId;
  /** Version of the room after the unit that the event is of. */
  version: number;
  /** The event that this one relates to, where that is counted (`aggregations-store.ts`). */
  parent?: EventId;
  /** The event that this one redacted. */
  redacted?: EventId;
  /** The event is for the other servers in the room. */
  outgoing?: true;
  /** Somebody of this server joined a room with other servers, which are to be told of the user's devices. */
  untold?: true;
}

/**
 * Data of a change with topic `state`: something of a room's present state changed by no event of the timeline, as when
 * a fork is resolved or the room is joined. Of memberships, those of this server's users are told, one a change.
 */
export interface StateChange extends JsonObject {
  version: number;
  /** Of a room that was joined before its whole state was here: when that begins, and when it ends. */
  partial?: 'begins' | 'ends';
  userId?: UserId;
  membership?: string;
  eventId?: EventId;
  sender?: UserId;
}

/** Data of a change with topic `history`: events were added before what was there, or the state at some is known now. */
export interface HistoryChange extends JsonObject {
  /** Events to which those relate, where that is counted. */
  parents: EventId[];
  /** Events that were redacted. */
  redacted: EventId[];
}

/** What a change says of one user's membership. */
export interface MembershipChange {
  readonly roomId: RoomId;
  readonly userId: UserId;
  readonly membership: Membership;
  readonly eventId: EventId;
  readonly sender: UserId;
}

/** The data of a change with topic `event`. */
export function eventChange(change: Change): EventChange | undefined {
  return change.topic === 'event' && isJsonObject(change.data) ? (change.data as EventChange) : undefined;
}

/** The data of a change with topic `state`. */
export function stateChange(change: Change): StateChange | undefined {
  return change.topic === 'state' && isJsonObject(change.data) ? (change.data as StateChange) : undefined;
}

/** The data of a change with topic `history`. */
export function historyChange(change: Change): HistoryChange | undefined {
  return change.topic === 'history' && isJsonObject(change.data) ? (change.data as HistoryChange) : undefined;
}

/** The version to which a change brought its room. */
export function roomVersionChanged(change: Change): number | undefined {
  if (change.topic !== 'event' && change.topic !== 'state') return undefined;
  return (change.data as EventChange | StateChange).version;
}

/** The membership that a change set, whether by an event or otherwise. */
export function membershipChange(change: Change): MembershipChange | undefined {
  const roomId = change.rooms[0];
  if (roomId === undefined) return undefined;
  if (change.topic === 'state') {
    const { userId, membership, eventId, sender } = change.data as StateChange;
    if (userId === undefined || membership === undefined) return undefined;
    const known = { roomId, userId, membership: membership as Membership };
    return { ...known, eventId: eventId as EventId, sender: sender as UserId };
  }
  const data = eventChange(change);
  if (data?.membership === undefined || data.stateKey === undefined || data.withoutEffect === true)
    return undefined;
  const { stateKey, membership, eventId, sender } = data;
  return { roomId, userId: stateKey as UserId, membership: membership as Membership, eventId, sender };
}

import type { CountingBudget } from '../../modules/push/index.ts';
import { DEFAULT_CLIENT_FILTER, type ClientFilter } from '../../protocol/filter/client-filter.ts';
import type { DeviceId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { RoomMembership } from '../../rooms/reading/room-reads.ts';
import type { RecentChanges } from '../../storage/recent-changes.ts';
import type { SyncContext } from '../sync-context.ts';
import type { Connection, SentRoom } from './connection.ts';
import type { Dialect } from './sliding-sync-options.ts';
import type { WantedRoom } from './windows.ts';

/** One request as the code that answers it sees it. */
export interface Answering {
  readonly userId: UserId;
  readonly deviceId: DeviceId | undefined;
  /** Position of the answer that the client had last; undefined for the first request. */
  readonly since: number | undefined;
  /** Position up to which it is answered. */
  readonly upTo: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly recent: RecentChanges;
  readonly ignored: ReadonlySet<UserId>;
  readonly dialect: Dialect;
  readonly connection: Connection;
  /** What is left of the unread events that the answer counts at most, in all rooms together. */
  readonly counting: CountingBudget;
}

/** One room of an answer. */
export interface RoomView {
  readonly answering: Answering;
  readonly room: RoomMembership;
  readonly wanted: WantedRoom;
  readonly sent: SentRoom | undefined;
  /** Position up to which the client has the room; undefined when it is to get it from scratch. */
  readonly after: number | undefined;
  /** Position up to which the user is told of the room. */
  readonly upTo: number;
  readonly isDirect: boolean;
}

/** What becomes of a room in an answer. */
export interface RoomEntry {
  /** JSON text; undefined when there is nothing to tell. */
  readonly text: string | undefined;
  /** Positions of the oldest and the newest event of its timeline, where receipts are wanted for. */
  readonly shown: { readonly from: number; readonly upTo: number } | undefined;
  /** `SentRoom.depth` once the client has it. */
  readonly depth: number;
}

const filters = new Map<number, ClientFilter>();

/** The filter that lets everything through, with a limit of events. */
function filterOf(limit: number): ClientFilter {
  let filter = filters.get(limit);
  if (!filter) {
    const { room } = DEFAULT_CLIENT_FILTER;
    filter = { ...DEFAULT_CLIENT_FILTER, room: { ...room, timeline: { ...room.timeline, limit } } };
    filters.set(limit, filter);
  }
  return filter;
}

/**
 * The request as parts of /sync take it.
 *
 * @param about.since position from which on it is about; undefined for everything.
 * @param about.limit events of a timeline.
 */
export function contextOf(
  answering: Answering,
  about: {
    since: number | undefined;
    upTo?: number;
    limit?: number;
    joinedRooms?: ReadonlySet<RoomId>;
    newlyJoined?: ReadonlySet<RoomId>;
  },
): SyncContext {
  const { userId, deviceId, recent, ignored, now } = answering;
  return {
    ...{ userId, deviceId, recent, ignored, now },
    since: about.since,
    toDeviceSince: undefined,
    upTo: about.upTo ?? answering.upTo,
    filter: filterOf(about.limit ?? 0),
    joinedRooms: about.joinedRooms ?? new Set(),
    newlyJoined: about.newlyJoined ?? new Set(),
    fullState: false,
    stateAs: 'state',
  };
}

import type { ClientFilter } from '../protocol/filter/client-filter.ts';
import type { DeviceId, RoomId, UserId } from '../protocol/identifiers.ts';
import type { RecentChanges } from '../storage/recent-changes.ts';

/** What one /sync asks of a module. */
export interface SyncRequest {
  readonly userId: UserId;
  readonly deviceId: DeviceId | undefined;
  /** Position of the client's last sync; undefined for an initial one. */
  readonly since: number | undefined;
  /** Position of the last message that the device got; it lags behind `since` when there were many. */
  readonly toDeviceSince: number | undefined;
  /** Position up to which this sync answers. Leave out what is later. */
  readonly upTo: number;
  readonly filter: ClientFilter;
  readonly recent: RecentChanges;
  /** Every room the user is joined to. */
  readonly joinedRooms: ReadonlySet<RoomId>;
  /** Rooms the user joined after `since`: what an initial sync would show of them is due. */
  readonly newlyJoined: ReadonlySet<RoomId>;
}

/** Ready JSON text of one event. Filters are applied by the module that gives it. */
export type EventText = string;

/** A module's part of the sections that belong to the whole account. */
export interface AccountSections {
  accountData?: EventText[];
  presence?: EventText[];
  toDevice?: EventText[];
  /** Position of the last of `toDevice`, when there are more to come. */
  toDeviceUpTo?: number;
  /** Something changed of what accompanies every answer: the client is told at once. */
  wakes?: boolean;
  /** Further top-level keys of the response, as JSON text, such as `device_lists`. */
  other?: Record<string, string>;
}

/** A module's part of one joined room. */
export interface RoomSections {
  ephemeral?: EventText[];
  accountData?: EventText[];
  /** Further keys of the joined room, as JSON text: `unread_notifications`, `unread_thread_notifications` … */
  other?: Record<string, string>;
}

/**
 * How a module takes part in /sync. `account` and `room` are called for every sync: answer undefined at once when nothing
 * changed since (`request.recent`), without a query.
 */
export interface SyncPart {
  /** Called at the beginning of a sync: the device has all messages to it up to this position. */
  received?(device: { userId: UserId; deviceId: DeviceId | undefined }, upTo: number): Promise<void>;
  /** Top-level keys, as JSON text, that every answer to the device has, even one that tells nothing. */
  accompany?(device: {
    userId: UserId;
    deviceId: DeviceId | undefined;
  }): Promise<Record<string, string> | undefined>;
  account?(request: SyncRequest): Promise<AccountSections | undefined>;
  /** Called for joined rooms that may have changed. `timelineChanged`: new events of the room are in this sync. */
  room?(
    request: SyncRequest,
    roomId: RoomId,
    timelineChanged: boolean,
  ): Promise<RoomSections | undefined> | undefined;
}

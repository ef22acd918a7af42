import type { RequiredStates } from '../../protocol/sliding-sync/required-state.ts';
import type { DeviceId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { RoomFilters } from './room-filters.ts';

/** What is wanted of a room. */
export interface RoomConfig {
  /** Events, at most 100. */
  readonly timelineLimit: number;
  readonly state: RequiredStates;
}

/** Rooms that are wanted by their place in the order. */
export interface ListConfig extends RoomConfig {
  readonly name: string;
  /** Places from and up to which, both included and counted from 0; undefined for all. */
  readonly ranges: readonly (readonly [number, number])[] | undefined;
  readonly filters: RoomFilters | undefined;
}

/** For which of the rooms that are wanted an extension is. Undefined stands for all. */
export interface ExtensionScope {
  readonly lists: readonly string[] | undefined;
  readonly rooms: readonly string[] | undefined;
}

/** What a client wants to be told of rooms. */
export interface RoomWishes {
  /** The same text for the same wishes. */
  readonly asked: string;
  readonly lists: readonly ListConfig[];
  readonly subscriptions: ReadonlyMap<RoomId, RoomConfig>;
  readonly accountData: ExtensionScope | undefined;
  readonly receipts: ExtensionScope | undefined;
  readonly typing: ExtensionScope | undefined;
}

/** What is wanted of a stream that the client follows by itself: what comes after a position, the oldest first. */
export interface StreamWish {
  readonly since: number | undefined;
  readonly limit: number;
}

/**
 * How an answer names things: as clients know it by the prefix of MSC3575, or as MSC4186 was accepted in the end.
 */
export type Dialect = 'simplified' | 'accepted';

/** A request of sliding sync. */
export interface SlidingSyncOptions {
  readonly userId: UserId;
  readonly deviceId: DeviceId | undefined;
  readonly connId: string;
  readonly pos: string | undefined;
  /** Milliseconds to wait for something to tell. */
  readonly timeoutMs: number;
  /** Aborts when the client goes away or the server stops. */
  readonly signal: AbortSignal;
  readonly dialect: Dialect;
  readonly wishes: RoomWishes;
  readonly toDevice: StreamWish | undefined;
  readonly stickyEvents: StreamWish | undefined;
  readonly encryption: boolean;
  /** What is wanted of the profiles of those in the same rooms. */
  readonly profiles: { readonly fields: readonly string[] | undefined } | undefined;
  /** The most changes of thread subscriptions to tell. */
  readonly threadSubscriptions: number | undefined;
}

import type { AccountData } from '../modules/account-data/index.ts';
import type { SyncPart, SyncRequest } from '../modules/sync-part.ts';
import type { UserId } from '../protocol/identifiers.ts';
import type { Aggregations } from '../rooms/relations/aggregations.ts';
import type { ClientEvents } from '../rooms/reading/client-events.ts';
import type { EventLog } from '../rooms/events/event-log.ts';
import type { Memberships } from '../rooms/membership/memberships.ts';
import type { OutsideMemberships } from '../rooms/membership/outside-memberships.ts';
import type { PartialRooms } from '../rooms/state/partial-rooms.ts';
import type { ShownStates } from '../rooms/reading/shown-states.ts';
import type { StickyEvents } from '../rooms/reading/sticky-events.ts';
import type { Timeline } from '../rooms/reading/timeline.ts';
import type { Visibility } from '../rooms/reading/visibility.ts';
import type { LazyMembers } from './lazy-members.ts';
import type { RoomSummaries } from './room-summary.ts';

/** What answering a sync needs of the server. */
export interface SyncNeeds {
  readonly log: EventLog;
  readonly timeline: Timeline;
  readonly states: ShownStates;
  readonly visibility: Visibility;
  readonly memberships: Memberships;
  readonly outside: OutsideMemberships;
  readonly partialRooms: PartialRooms;
  readonly clientEvents: ClientEvents;
  readonly aggregations: Aggregations;
  readonly summaries: RoomSummaries;
  readonly lazyMembers: LazyMembers;
  readonly stickyEvents: StickyEvents;
  readonly accountData: AccountData;
  readonly parts: readonly SyncPart[];
}

/** Under which name state is given. By any but `state` it is the state at the end of the timeline (`use_state_after`). */
export type StateName = 'state' | 'state_after' | 'org.matrix.msc4222.state_after';

/** One sync as the code that answers it sees it. */
export interface SyncContext extends SyncRequest {
  readonly fullState: boolean;
  readonly stateAs: StateName;
  /** Senders whose messages and invites are withheld. */
  readonly ignored: ReadonlySet<UserId>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

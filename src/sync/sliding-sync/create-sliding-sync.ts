import type { UserId } from '../../protocol/identifiers.ts';
import type { Database } from '../../storage/database.ts';
import type { RecentChanges } from '../../storage/recent-changes.ts';
import type { Notifier } from '../notifier.ts';
import { Connections } from './connections.ts';
import { RoomOrders } from './room-orders.ts';
import type { SlidingSyncNeeds } from './sliding-sync-needs.ts';
import { SlidingSyncService } from './sliding-sync-service.ts';

/** What sliding sync needs of the rest of the server. */
export interface SlidingSyncWiring {
  readonly database: Database;
  readonly recent: RecentChanges;
  readonly notifier: Notifier;
  readonly clock: { now(): number };
  readonly opaque: (length: number) => string;
  readonly needs: SlidingSyncNeeds;
  readonly ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  readonly isInviteHidden: (invited: UserId, inviter: UserId) => Promise<boolean>;
}

/** Puts the parts of sliding sync together. */
export function createSlidingSync(wiring: SlidingSyncWiring): SlidingSyncService {
  const { database, recent, notifier, clock, needs, ignoredUsers, isInviteHidden } = wiring;
  const orders = new RoomOrders({ ...needs, reader: database, notifier, ignoredUsers, isInviteHidden });
  const connections = new Connections(database, clock, wiring.opaque);
  return new SlidingSyncService({
    database,
    recent,
    notifier,
    clock,
    needs,
    orders,
    connections,
    ignoredUsers,
  });
}

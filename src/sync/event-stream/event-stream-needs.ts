import type { UserId } from '../../protocol/identifiers.ts';
import type { Directory } from '../../rooms/creation/directory.ts';
import type { Database } from '../../storage/database.ts';
import type { RecentChanges } from '../../storage/recent-changes.ts';
import type { Notifier } from '../notifier.ts';
import type { SyncNeeds } from '../sync-context.ts';

/** What the event stream and its beginnings need of the server. */
export interface EventStreamNeeds {
  readonly database: Database;
  readonly recent: RecentChanges;
  readonly notifier: Notifier;
  readonly ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  readonly isInviteHidden: (invited: UserId, inviter: UserId) => Promise<boolean>;
  readonly directory: Directory;
  readonly needs: SyncNeeds;
}

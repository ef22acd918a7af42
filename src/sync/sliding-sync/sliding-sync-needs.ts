import type { DeviceLists, OneTimeKeys } from '../../modules/end-to-end-encryption/index.ts';
import type { ProfileUpdates } from '../../modules/profile/index.ts';
import type { PushRules, UnreadCounts } from '../../modules/push/index.ts';
import type { Receipts } from '../../modules/receipts/index.ts';
import type { ThreadSubscriptions } from '../../modules/thread-subscriptions/index.ts';
import type { ToDevice } from '../../modules/to-device/index.ts';
import type { Typing } from '../../modules/typing/index.ts';
import type { SyncNeeds } from '../sync-context.ts';

/** What answering sliding sync needs of the server. */
export interface SlidingSyncNeeds extends SyncNeeds {
  readonly pushRules: PushRules;
  readonly unreadCounts: UnreadCounts;
  readonly receipts: Receipts;
  readonly typing: Typing;
  readonly threadSubscriptions: ThreadSubscriptions;
  readonly toDevice: ToDevice;
  readonly deviceLists: DeviceLists;
  readonly oneTimeKeys: OneTimeKeys;
  readonly profileUpdates: ProfileUpdates;
}

import { authChains } from './027-auth-chains.ts';
import { log } from './001-log.ts';
import { accounts } from './002-accounts.ts';
import { encryption } from './005-encryption.ts';
import { media } from './006-media.ts';
import { applicationServices } from './019-application-services.ts';
import { presenceLists } from './022-presence-lists.ts';
import { pusherForms } from './021-pusher-forms.ts';
import { clientTransactions } from './020-client-transactions.ts';
import { delayedEvents } from './012-delayed-events.ts';
import { serverNotices } from './013-server-notices.ts';
import { federatedRooms } from './018-federated-rooms.ts';
import { moderation } from './010-moderation.ts';
import { push } from './014-push.ts';
import { modules } from './004-modules.ts';
import { oauth } from './016-oauth.ts';
import { slidingSync } from './015-sliding-sync.ts';
import { relationsAndSearch } from './009-relations-search.ts';
import { rooms } from './003-rooms.ts';
import { identityService } from './023-identity-service.ts';
import { threepids } from './008-threepids.ts';
import { federation } from './017-federation.ts';
import { retention } from './030-retention.ts';
import { stickyEvents } from './029-sticky-events.ts';
import { partialRooms } from './038-partial-rooms.ts';
import { profileUpdates } from './066-profile-updates.ts';
import { waitingEvents } from './067-waiting-events.ts';
import { waitingEventsByOrigin } from './069-waiting-events-by-origin.ts';
import { unsettledEvents } from './070-unsettled-events.ts';
import { searchIndex } from './071-search-index.ts';
import { registrationTokens } from './080-registration-tokens.ts';
import { outsideAppserviceEvents } from './081-outside-appservice-events.ts';
import { fetchedMedia } from './062-fetched-media.ts';
import { untoldJoins } from './064-untold-joins.ts';
import { closingAccounts } from './072-closing-accounts.ts';
import { serverIdentity } from './073-server-identity.ts';
import { receiptExtra } from './082-receipt-extra.ts';
import { deviceLives } from './083-device-lives.ts';
import { historyGapsInVain } from './088-history-gaps-in-vain.ts';
import { finalisedDelayedEvents } from './089-finalised-delayed-events.ts';
import type { Migration } from './migration.ts';

/** Every step of the schema, in order. */
export const MIGRATIONS: readonly Migration[] = [
  log,
  accounts,
  rooms,
  modules,
  encryption,
  media,
  threepids,
  relationsAndSearch,
  moderation,
  delayedEvents,
  serverNotices,
  push,
  oauth,
  slidingSync,
  federation,
  federatedRooms,
  applicationServices,
  clientTransactions,
  pusherForms,
  presenceLists,
  identityService,
  stickyEvents,
  retention,
  authChains,
  partialRooms,
  fetchedMedia,
  untoldJoins,
  profileUpdates,
  waitingEvents,
  waitingEventsByOrigin,
  unsettledEvents,
  searchIndex,
  closingAccounts,
  serverIdentity,
  registrationTokens,
  outsideAppserviceEvents,
  receiptExtra,
  deviceLives,
  historyGapsInVain,
  finalisedDelayedEvents,
];

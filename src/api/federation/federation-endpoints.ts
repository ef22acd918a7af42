import { getContentForServers, getContentThumbnailForServers } from './media.ts';
import { sendInvite, sendInviteV1 } from './invite.ts';
import { makeJoin, makeKnock, makeLeave } from './make-membership.ts';
import { sendJoin, sendJoinV1, sendKnock, sendLeave, sendLeaveV1 } from './send-membership.ts';
import { exchangeThirdPartyInvite, onBindThirdPartyIdentifier } from './third-party-invites.ts';
import {
  backfillRoom,
  getEvent,
  getEventAuth,
  getFederationEventByTimestamp,
  getFederationRoomState,
  getMissingPreviousEvents,
  getRoomStateIds,
} from './room-events.ts';
import { sendTransaction } from './send-transaction.ts';
import { getCurrentState2015, getPdu2015, pull2015 } from './room-events-2015.ts';
import {
  bulkPerspectivesKeyQuery,
  getServerKey,
  getServerKey2015,
  getServerKeyV1,
  perspectivesKeyQuery,
} from './server-keys.ts';
import { claimUserEncryptionKeys, getUserDevices, queryUserEncryptionKeys } from './user-keys.ts';
import {
  getPublicRoomsForServers,
  queryInfo,
  queryProfile,
  queryPublicRoomsForServers,
  queryRoomDirectory,
} from './queries.ts';
import { getSpaceHierarchyForServers } from './space-hierarchy.ts';
import { getServerWellKnown, getVersion } from './version.ts';

/** Endpoints for other servers. */
export const federationEndpoints = [
  exchangeThirdPartyInvite,
  makeJoin,
  makeKnock,
  makeLeave,
  onBindThirdPartyIdentifier,
  sendInvite,
  sendInviteV1,
  sendJoin,
  sendJoinV1,
  sendKnock,
  sendLeave,
  sendLeaveV1,
  backfillRoom,
  getEvent,
  getEventAuth,
  getFederationEventByTimestamp,
  getFederationRoomState,
  getMissingPreviousEvents,
  getRoomStateIds,
  bulkPerspectivesKeyQuery,
  claimUserEncryptionKeys,
  getServerKey,
  getServerKey2015,
  getServerKeyV1,
  getCurrentState2015,
  getPdu2015,
  pull2015,
  getServerWellKnown,
  getUserDevices,
  queryUserEncryptionKeys,
  getVersion,
  perspectivesKeyQuery,
  sendTransaction,
  getPublicRoomsForServers,
  queryInfo,
  queryProfile,
  queryPublicRoomsForServers,
  queryRoomDirectory,
  getSpaceHierarchyForServers,
  getContentForServers,
  getContentThumbnailForServers,
] as const;

import {
  changePushRuleActions,
  deleteRule,
  enablePushRule,
  getPushRule,
  getPushRuleActions,
  getPushRules,
  getPushRulesGlobal,
  isPushRuleEnabled,
  setPushRule,
} from './push/push-rules.ts';
import { getNotifications } from './push/notifications.ts';
import { getPushers, postPusher } from './push/pushers.ts';
import { postReceipt, setReadMarker } from './rooms/receipts.ts';
import { setTyping } from './rooms/typing.ts';
import {
  getThreadSubscription,
  getThreadSubscriptions,
  subscribeToThread,
  unsubscribeFromThread,
} from './threads/thread-subscriptions.ts';
import { search } from './search.ts';
import {
  deleteAccountData,
  deleteAccountDataPerRoom,
  getAccountData,
  getAccountDataPerRoom,
  setAccountData,
  setAccountDataPerRoom,
} from './user/account-data.ts';
import { defineFilter, getFilter } from './user/filters.ts';
import { getPresence, setPresence } from './user/presence.ts';
import { deleteProfileField, getProfileField, getUserProfile, setProfileField } from './user/profile.ts';
import { deleteRoomTag, getRoomTags, setRoomTag } from './user/tags.ts';

/** Endpoints of the modules. */
export const moduleEndpoints = [
  changePushRuleActions,
  defineFilter,
  deleteProfileField,
  deleteAccountData,
  deleteAccountDataPerRoom,
  deleteRoomTag,
  deleteRule,
  enablePushRule,
  getAccountData,
  getAccountDataPerRoom,
  getFilter,
  getNotifications,
  getPresence,
  getProfileField,
  getPushRule,
  getPushRuleActions,
  getPushRules,
  getPushRulesGlobal,
  getPushers,
  getRoomTags,
  getUserProfile,
  isPushRuleEnabled,
  postPusher,
  postReceipt,
  search,
  setAccountData,
  setAccountDataPerRoom,
  setPresence,
  setProfileField,
  setPushRule,
  setReadMarker,
  setRoomTag,
  setTyping,
  getThreadSubscription,
  getThreadSubscriptions,
  subscribeToThread,
  unsubscribeFromThread,
] as const;

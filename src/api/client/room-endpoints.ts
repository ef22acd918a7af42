import { deleteRoomAlias, getRoomIdByAlias, setRoomAlias } from './directory/aliases.ts';
import { getPublicRooms, queryPublicRooms } from './directory/public-rooms.ts';
import { getRoomVisibilityOnDirectory, setRoomVisibilityOnDirectory } from './directory/room-visibility.ts';
import { ban } from './membership/ban.ts';
import { forgetRoom } from './membership/forget.ts';
import { inviteUser } from './membership/invite.ts';
import { joinRoomById } from './membership/join-by-id.ts';
import { joinRoom } from './membership/join.ts';
import { getJoinedRooms } from './membership/joined-rooms.ts';
import { kick } from './membership/kick.ts';
import { knockRoom } from './membership/knock.ts';
import { leaveRoom } from './membership/leave.ts';
import { unban } from './membership/unban.ts';
import { createRoom } from './rooms/create-room.ts';
import { getLocalAliases } from './rooms/get-aliases.ts';
import { getEventContext } from './rooms/get-context.ts';
import { getOneRoomEvent } from './rooms/get-event.ts';
import { getJoinedMembersByRoom } from './rooms/get-joined-members.ts';
import { getMembersByRoom } from './rooms/get-members.ts';
import { getRoomEvents } from './rooms/get-messages.ts';
import { getRoomStateOfType, getRoomStateWithKey } from './rooms/get-state-event.ts';
import { getRoomState } from './rooms/get-state.ts';
import { getRetentionConfiguration } from './rooms/retention-configuration.ts';
import { redactEvent } from './rooms/redact-event.ts';
import { sendMessage } from './rooms/send-event.ts';
import { setRoomState, setRoomStateWithKey } from './rooms/set-state.ts';
import { upgradeRoom } from './rooms/upgrade-room.ts';
import { simplifiedSlidingSync } from './sliding-sync/simplified-sliding-sync.ts';
import { slidingSync } from './sliding-sync/sliding-sync.ts';
import { roomInitialSync } from './rooms/room-initial-sync.ts';
import { getEvents, getOneEvent, initialSync } from './event-stream.ts';
import { sync } from './sync.ts';

/** Endpoints about rooms, and the sync that shows them. */
export const roomEndpoints = [
  ban,
  createRoom,
  deleteRoomAlias,
  forgetRoom,
  getEventContext,
  getJoinedMembersByRoom,
  getJoinedRooms,
  getLocalAliases,
  getMembersByRoom,
  getEvents,
  getOneEvent,
  getOneRoomEvent,
  initialSync,
  roomInitialSync,
  getPublicRooms,
  getRetentionConfiguration,
  getRoomEvents,
  getRoomIdByAlias,
  getRoomState,
  getRoomStateOfType,
  getRoomStateWithKey,
  getRoomVisibilityOnDirectory,
  inviteUser,
  joinRoom,
  joinRoomById,
  kick,
  knockRoom,
  leaveRoom,
  queryPublicRooms,
  redactEvent,
  sendMessage,
  setRoomAlias,
  setRoomState,
  setRoomStateWithKey,
  setRoomVisibilityOnDirectory,
  simplifiedSlidingSync,
  slidingSync,
  sync,
  unban,
  upgradeRoom,
] as const;

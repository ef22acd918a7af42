import { v1CreateRoom, v1CreateRoomOnce } from './create-room.ts';
import { v1DeleteAlias, v1GetAlias, v1PublicRooms, v1SetAlias } from './directory.ts';
import { v1EventStream, v1InitialSync, v1OneEvent, v1RoomInitialSync } from './event-stream.ts';
import { v1Members } from './members.ts';
import { v1Membership } from './membership.ts';
import { v1Messages } from './messages.ts';
import { v1People } from './people.ts';
import { v1PresenceEndpoints } from './presence.ts';
import { v1Push } from './push.ts';
import { v1State, v1StateOfType, v1StateWithKey } from './room-state.ts';
import { v1Redact, v1RedactOnce, v1Send, v1SendOnce, v1SetState, v1SetStateWithKey } from './sending.ts';
import { v1Thumbnail } from './thumbnail.ts';

/** Version 1 of the Client-Server API as of October 2015, but for accounts. */
export const v1Endpoints = [
  v1CreateRoom,
  v1CreateRoomOnce,
  v1DeleteAlias,
  v1EventStream,
  v1GetAlias,
  v1InitialSync,
  v1Members,
  v1Messages,
  v1OneEvent,
  v1PublicRooms,
  v1Redact,
  v1RedactOnce,
  v1RoomInitialSync,
  v1Send,
  v1SendOnce,
  v1SetAlias,
  v1SetState,
  v1SetStateWithKey,
  v1State,
  v1StateOfType,
  v1StateWithKey,
  v1Thumbnail,
  ...v1Membership,
  ...v1People,
  ...v1PresenceEndpoints,
  ...v1Push,
] as const;

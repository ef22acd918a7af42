import { Type, type Static } from 'typebox';
import type { JsonObject } from '../../../protocol/json.ts';
import type { RoomCreation } from '../../../rooms/creation/create-room.ts';
import type { RoomWishes } from '../../../rooms/creation/room-wishes.ts';
import type { ThirdPartyInvites } from '../../../rooms/membership/third-party-invites.ts';
import { Invite3pid, readInvite3pid } from '../membership/third-party-invite.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';

const Content = Type.Record(Type.String(), Type.Unknown());

/** What a room is to be like. */
export const RoomBody = Type.Object({
  visibility: Type.Optional(Type.Union([Type.Literal('public'), Type.Literal('private')])),
  room_alias_name: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  topic: Type.Optional(Type.String()),
  invite: Type.Optional(Type.Array(Type.String(), { maxItems: 1_000 })),
  invite_3pid: Type.Optional(Type.Array(Invite3pid, { maxItems: 20 })),
  room_version: Type.Optional(Type.String()),
  creation_content: Type.Optional(Content),
  initial_state: Type.Optional(
    Type.Array(
      Type.Object({ type: Type.String(), state_key: Type.Optional(Type.String()), content: Content }),
    ),
  ),
  preset: Type.Optional(
    Type.Union([
      Type.Literal('private_chat'),
      Type.Literal('public_chat'),
      Type.Literal('trusted_private_chat'),
    ]),
  ),
  is_direct: Type.Optional(Type.Boolean()),
  power_level_content_override: Type.Optional(Content),
});

/** POST /createRoom */
export const createRoom = endpoint(
  {
    id: 'createRoom',
    spec: 'client-server-api/#post_matrixclientv3createroom',
    method: 'POST',
    paths: clientPaths('/createRoom'),
    auth: 'user',
    whenSuspended: 'refused',
    limit: 'createRoom',
    body: RoomBody,
  },
  async (needs: { creation: RoomCreation; thirdPartyInvites: ThirdPartyInvites }, request) => {
    const invites = (request.body.invite_3pid ?? []).map(readInvite3pid);
    const wishes = roomWishes(request.session, request.body);
    const { roomId } = await needs.creation.create(request.session.userId, wishes);
    for (const { access, threepid } of invites) {
      const invite = { roomId, threepid, isDirect: request.body.is_direct };
      await needs.thirdPartyInvites.inviteIfPossible(request.session, access, invite);
    }
    return { room_id: roomId };
  },
);

/** The wishes of a body, which is that of whoever asks in this session. */
export function roomWishes({ appserviceId }: Session, body: Static<typeof RoomBody>): RoomWishes {
  return {
    visibility: body.visibility,
    roomAliasName: body.room_alias_name,
    appserviceId,
    name: body.name,
    topic: body.topic,
    invite: body.invite,
    roomVersion: body.room_version,
    creationContent: body.creation_content as JsonObject | undefined,
    initialState: body.initial_state?.map((one) => ({
      type: one.type,
      stateKey: one.state_key ?? '',
      content: one.content as JsonObject,
    })),
    preset: body.preset,
    isDirect: body.is_direct,
    powerLevelContentOverride: body.power_level_content_override as JsonObject | undefined,
  };
}

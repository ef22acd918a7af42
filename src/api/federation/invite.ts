import { Type } from 'typebox';
import type { IncomingInvites } from '../../federation/membership/incoming-invites.ts';
import { eventId, roomId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { endpoint, federationPaths } from '../../wire/endpoint.ts';

interface Needs {
  readonly incomingInvites: IncomingInvites;
}

const PARAMS = Type.Object({ roomId: Type.String(), eventId: Type.String() });
const EVENT = Type.Record(Type.String(), Type.Unknown());

/** PUT /_matrix/federation/v2/invite/{roomId}/{eventId} */
export const sendInvite = endpoint(
  {
    id: 'sendInviteV2',
    spec: 'server-server-api/#put_matrixfederationv2inviteroomideventid',
    method: 'PUT',
    paths: federationPaths('/invite/:roomId/:eventId', { version: 'v2' }),
    auth: 'server',
    params: PARAMS,
    body: Type.Object({
      event: EVENT,
      room_version: Type.String(),
      invite_room_state: Type.Optional(Type.Array(EVENT)),
    }),
  },
  async ({ incomingInvites }: Needs, { origin, params, body }) => ({
    event: await incomingInvites.take(origin, {
      roomId: roomId(params.roomId),
      eventId: eventId(params.eventId),
      roomVersion: body.room_version,
      event: body.event as JsonObject,
      strippedState: (body.invite_room_state ?? []) as JsonValue[],
    }),
  }),
);

/** PUT /_matrix/federation/v1/invite/{roomId}/{eventId}: rooms of versions 1 and 2, and answers that are lists. */
export const sendInviteV1 = endpoint(
  {
    id: 'sendInviteV1',
    spec: 'server-server-api/#put_matrixfederationv1inviteroomideventid',
    method: 'PUT',
    paths: federationPaths('/invite/:roomId/:eventId'),
    auth: 'server',
    params: PARAMS,
    body: EVENT,
  },
  async ({ incomingInvites }: Needs, { origin, params, body }) => {
    const { unsigned } = body as JsonObject;
    const told = isJsonObject(unsigned) ? unsigned.invite_room_state : undefined;
    const event = await incomingInvites.take(origin, {
      roomId: roomId(params.roomId),
      eventId: eventId(params.eventId),
      roomVersion: '1',
      event: body as JsonObject,
      strippedState: Array.isArray(told) ? (told as JsonValue[]) : [],
    });
    return [200, { event }];
  },
);

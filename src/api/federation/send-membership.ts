import { Type, type Static } from 'typebox';
import type { JoinAnswer, ResidentMembership } from '../../federation/membership/resident-membership.ts';
import { eventId, roomId, type ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { endpoint, federationPaths } from '../../wire/endpoint.ts';

interface Needs {
  readonly residentMembership: ResidentMembership;
  readonly serverName: ServerName;
}

const PARAMS = Type.Object({ roomId: Type.String(), eventId: Type.String() });
const EVENT = Type.Record(Type.String(), Type.Unknown());

/** PUT /_matrix/federation/v2/send_join/{roomId}/{eventId} */
export const sendJoin = endpoint(
  {
    id: 'sendJoinV2',
    spec: 'server-server-api/#put_matrixfederationv2send_joinroomideventid',
    method: 'PUT',
    paths: federationPaths('/send_join/:roomId/:eventId', { version: 'v2' }),
    auth: 'server',
    params: PARAMS,
    query: Type.Object({ omit_members: Type.Optional(Type.Boolean()) }),
    body: EVENT,
  },
  async ({ residentMembership, serverName }: Needs, { origin, params, query, body }) => {
    const omit = query.omit_members === true;
    const answer = await residentMembership.join(origin, sentOf(params, body), omit);
    const servers = answer.servers ? { servers_in_room: answer.servers } : {};
    return { ...joinBody(serverName, answer), members_omitted: answer.servers !== undefined, ...servers };
  },
);

/** PUT /_matrix/federation/v1/send_join/{roomId}/{eventId}, whose answers are lists. */
export const sendJoinV1 = endpoint(
  {
    id: 'sendJoinV1',
    spec: 'server-server-api/#put_matrixfederationv1send_joinroomideventid',
    method: 'PUT',
    paths: federationPaths('/send_join/:roomId/:eventId'),
    auth: 'server',
    params: PARAMS,
    body: EVENT,
  },
  async ({ residentMembership, serverName }: Needs, { origin, params, body }) => {
    const answer = await residentMembership.join(origin, sentOf(params, body), false);
    return [200, joinBody(serverName, answer) as JsonObject];
  },
);

/** PUT /_matrix/federation/v2/send_leave/{roomId}/{eventId} */
export const sendLeave = endpoint(
  {
    id: 'sendLeaveV2',
    spec: 'server-server-api/#put_matrixfederationv2send_leaveroomideventid',
    method: 'PUT',
    paths: federationPaths('/send_leave/:roomId/:eventId', { version: 'v2' }),
    auth: 'server',
    params: PARAMS,
    body: EVENT,
  },
  async ({ residentMembership }: Needs, { origin, params, body }) => {
    await residentMembership.leave(origin, sentOf(params, body));
    return {};
  },
);

/** PUT /_matrix/federation/v1/send_leave/{roomId}/{eventId}, whose answers are lists. */
export const sendLeaveV1 = endpoint(
  {
    id: 'sendLeaveV1',
    spec: 'server-server-api/#put_matrixfederationv1send_leaveroomideventid',
    method: 'PUT',
    paths: federationPaths('/send_leave/:roomId/:eventId'),
    auth: 'server',
    params: PARAMS,
    body: EVENT,
  },
  async ({ residentMembership }: Needs, { origin, params, body }) => {
    await residentMembership.leave(origin, sentOf(params, body));
    return [200, {}];
  },
);

/** PUT /_matrix/federation/v1/send_knock/{roomId}/{eventId} */
export const sendKnock = endpoint(
  {
    id: 'sendKnock',
    spec: 'server-server-api/#put_matrixfederationv1send_knockroomideventid',
    method: 'PUT',
    paths: federationPaths('/send_knock/:roomId/:eventId'),
    auth: 'server',
    params: PARAMS,
    body: EVENT,
  },
  async ({ residentMembership }: Needs, { origin, params, body }) => ({
    knock_room_state: await residentMembership.knock(origin, sentOf(params, body)),
  }),
);

function sentOf(params: Static<typeof PARAMS>, body: Static<typeof EVENT>) {
  return { roomId: roomId(params.roomId), eventId: eventId(params.eventId), event: body as JsonObject };
}

function joinBody(serverName: ServerName, { event, state, authChain }: JoinAnswer): object {
  return { origin: serverName, event, state, auth_chain: authChain };
}

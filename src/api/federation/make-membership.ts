import { Type } from 'typebox';
import type { ResidentMembership, Template } from '../../federation/membership/resident-membership.ts';
import { roomId, userId } from '../../protocol/identifiers.ts';
import { endpoint, federationPaths } from '../../wire/endpoint.ts';

interface Needs {
  readonly residentMembership: ResidentMembership;
}

const MEMBER = Type.Object({ roomId: Type.String(), userId: Type.String() });
const VERSIONS = Type.Object({ ver: Type.Optional(Type.Union([Type.Array(Type.String()), Type.String()])) });

/** GET /_matrix/federation/v1/make_join/{roomId}/{userId} */
export const makeJoin = endpoint(
  {
    id: 'makeJoin',
    spec: 'server-server-api/#get_matrixfederationv1make_joinroomiduserid',
    method: 'GET',
    paths: federationPaths('/make_join/:roomId/:userId'),
    auth: 'server',
    params: MEMBER,
    query: VERSIONS,
  },
  async ({ residentMembership }: Needs, { origin, params, query }) => {
    const versions = [query.ver ?? '1'].flat();
    return bodyOf(await residentMembership.template(origin, 'join', memberOf(params), versions));
  },
);

/** GET /_matrix/federation/v1/make_knock/{roomId}/{userId} */
export const makeKnock = endpoint(
  {
    id: 'makeKnock',
    spec: 'server-server-api/#get_matrixfederationv1make_knockroomiduserid',
    method: 'GET',
    paths: federationPaths('/make_knock/:roomId/:userId'),
    auth: 'server',
    params: MEMBER,
    query: VERSIONS,
  },
  async ({ residentMembership }: Needs, { origin, params, query }) => {
    const versions = [query.ver ?? []].flat();
    return bodyOf(await residentMembership.template(origin, 'knock', memberOf(params), versions));
  },
);

/** GET /_matrix/federation/v1/make_leave/{roomId}/{userId} */
export const makeLeave = endpoint(
  {
    id: 'makeLeave',
    spec: 'server-server-api/#get_matrixfederationv1make_leaveroomiduserid',
    method: 'GET',
    paths: federationPaths('/make_leave/:roomId/:userId'),
    auth: 'server',
    params: MEMBER,
  },
  async ({ residentMembership }: Needs, { origin, params }) => {
    return bodyOf(await residentMembership.template(origin, 'leave', memberOf(params), undefined));
  },
);

function memberOf(params: { roomId: string; userId: string }) {
  return { roomId: roomId(params.roomId), userId: userId(params.userId) };
}

function bodyOf({ event, roomVersion }: Template): object {
  return { event, room_version: roomVersion };
}

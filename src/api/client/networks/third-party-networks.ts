import { Type } from 'typebox';
import { forbidden, notFound } from '../../../protocol/matrix-error.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /thirdparty/protocols: networks that application services bridge to, of which none is connected. */
export const getProtocols = endpoint(
  {
    id: 'getProtocols',
    spec: 'client-server-api/#get_matrixclientv3thirdpartyprotocols',
    method: 'GET',
    paths: clientPaths('/thirdparty/protocols'),
    auth: 'user',
  },
  () => ({}),
);

const ofProtocol = [
  { id: 'getProtocolMetadata', suffix: '/thirdparty/protocol/:protocol' },
  { id: 'queryLocationByProtocol', suffix: '/thirdparty/location/:protocol' },
  { id: 'queryUserByProtocol', suffix: '/thirdparty/user/:protocol' },
].map(({ id, suffix }) =>
  endpoint(
    {
      id,
      method: 'GET',
      paths: clientPaths(suffix),
      auth: 'user',
      params: Type.Object({ protocol: Type.String() }),
    },
    () => {
      throw notFound('No application service of this server bridges to that network');
    },
  ),
);

/** GET /thirdparty/location?alias= */
export const queryLocationByAlias = endpoint(
  {
    id: 'queryLocationByAlias',
    spec: 'client-server-api/#get_matrixclientv3thirdpartylocation',
    method: 'GET',
    paths: clientPaths('/thirdparty/location'),
    auth: 'user',
    query: Type.Object({ alias: Type.String() }),
  },
  () => {
    throw notFound('The alias is of no place in another network that this server bridges to');
  },
);

/** GET /thirdparty/user?userid= */
export const queryUserById = endpoint(
  {
    id: 'queryUserByID',
    spec: 'client-server-api/#get_matrixclientv3thirdpartyuser',
    method: 'GET',
    paths: clientPaths('/thirdparty/user'),
    auth: 'user',
    query: Type.Object({ userid: Type.String() }),
  },
  () => {
    throw notFound('The user is nobody in another network that this server bridges to');
  },
);

/** PUT /directory/list/appservice/{networkId}/{roomId}: for application services, of which none is connected. */
export const publishForNetwork = endpoint(
  {
    id: 'updateAppserviceRoomDirectoryVisibility',
    method: 'PUT',
    paths: clientPaths('/directory/list/appservice/:networkId/:roomId'),
    auth: 'user',
    params: Type.Object({ networkId: Type.String(), roomId: Type.String() }),
    body: Type.Object({ visibility: Type.Union([Type.Literal('public'), Type.Literal('private')]) }),
  },
  () => {
    throw forbidden('Only application services may do this');
  },
);

/** POST /v1/appservice/{appserviceId}/ping */
export const pingAppservice = endpoint(
  {
    id: 'pingAppservice',
    method: 'POST',
    paths: clientPaths('/appservice/:appserviceId/ping', { since: 'v1' }),
    auth: 'user',
    params: Type.Object({ appserviceId: Type.String() }),
    body: Type.Object({ transaction_id: Type.Optional(Type.String()) }),
  },
  () => {
    throw forbidden('Only application services may do this');
  },
);

/** Endpoints of third-party networks. */
export const networkEndpoints = [
  getProtocols,
  ...ofProtocol,
  pingAppservice,
  publishForNetwork,
  queryLocationByAlias,
  queryUserById,
] as const;

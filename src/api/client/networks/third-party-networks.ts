import { Type } from 'typebox';
import type { ThirdPartyNetworks } from '../../../modules/application-services/index.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  thirdPartyNetworks: ThirdPartyNetworks;
}

const PROTOCOL = Type.Object({ protocol: Type.String() });
const FIELDS = Type.Record(Type.String(), Type.Unknown());

/** GET /thirdparty/protocols: networks that application services bridge to. */
const getProtocols = endpoint(
  {
    id: 'getProtocols',
    spec: 'client-server-api/#get_matrixclientv3thirdpartyprotocols',
    method: 'GET',
    paths: clientPaths('/thirdparty/protocols'),
    auth: 'user',
  },
  (needs: Needs) => needs.thirdPartyNetworks.protocols(),
);

/** GET /thirdparty/protocol/{protocol} */
const getProtocolMetadata = endpoint(
  {
    id: 'getProtocolMetadata',
    method: 'GET',
    paths: clientPaths('/thirdparty/protocol/:protocol'),
    auth: 'user',
    params: PROTOCOL,
  },
  (needs: Needs, request) => needs.thirdPartyNetworks.protocol(request.params.protocol),
);

/** What of a query is no field of a network: the token, and of an application service the user that it acts as. */
const TOKEN = 'access_token';
const WHOM_ONE_ACTS_AS = ['user_id', 'device_id'];

/** GET /thirdparty/location/{protocol} and /thirdparty/user/{protocol}, with the fields of that network. */
const byFields = (['location', 'user'] as const).map((kind) =>
  endpoint(
    {
      id: kind === 'location' ? 'queryLocationByProtocol' : 'queryUserByProtocol',
      method: 'GET',
      paths: clientPaths(`/thirdparty/${kind}/:protocol`),
      auth: 'user',
      params: PROTOCOL,
      query: FIELDS,
    },
    (needs: Needs, request) => {
      const ownFields = request.session.appserviceId === undefined ? [TOKEN] : [TOKEN, ...WHOM_ONE_ACTS_AS];
      const fields = Object.entries(request.query).filter(
        (field): field is [string, string] => typeof field[1] === 'string' && !ownFields.includes(field[0]),
      );
      return needs.thirdPartyNetworks.byFields(kind, request.params.protocol, Object.fromEntries(fields));
    },
  ),
);

/** GET /thirdparty/location?alias= */
const queryLocationByAlias = endpoint(
  {
    id: 'queryLocationByAlias',
    spec: 'client-server-api/#get_matrixclientv3thirdpartylocation',
    method: 'GET',
    paths: clientPaths('/thirdparty/location'),
    auth: 'user',
    query: Type.Object({ alias: Type.String() }),
  },
  (needs: Needs, request) => needs.thirdPartyNetworks.byAlias(request.query.alias),
);

/** GET /thirdparty/user?userid= */
const queryUserById = endpoint(
  {
    id: 'queryUserByID',
    spec: 'client-server-api/#get_matrixclientv3thirdpartyuser',
    method: 'GET',
    paths: clientPaths('/thirdparty/user'),
    auth: 'user',
    query: Type.Object({ userid: Type.String() }),
  },
  (needs: Needs, request) => needs.thirdPartyNetworks.byUser(request.query.userid),
);

/** Endpoints of third-party networks. */
export const networkEndpoints = [
  getProtocols,
  getProtocolMetadata,
  ...byFields,
  queryLocationByAlias,
  queryUserById,
] as const;

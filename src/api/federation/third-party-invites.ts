import { Type } from 'typebox';
import type { ThirdPartyExchange } from '../../federation/membership/third-party-exchange.ts';
import { roomId } from '../../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { endpoint, federationPaths } from '../../wire/endpoint.ts';

interface Needs {
  readonly thirdPartyExchange: ThirdPartyExchange;
}

const EVENT = Type.Record(Type.String(), Type.Unknown());

/** PUT /_matrix/federation/v1/exchange_third_party_invite/{roomId} */
export const exchangeThirdPartyInvite = endpoint(
  {
    id: 'exchangeThirdPartyInvite',
    spec: 'server-server-api/#put_matrixfederationv1exchange_third_party_inviteroomid',
    method: 'PUT',
    paths: federationPaths('/exchange_third_party_invite/:roomId'),
    auth: 'server',
    params: Type.Object({ roomId: Type.String() }),
    body: EVENT,
  },
  async ({ thirdPartyExchange }: Needs, { origin, params, body }) => {
    await thirdPartyExchange.exchange(origin, roomId(params.roomId), body as JsonObject);
    return {};
  },
);

/** PUT /_matrix/federation/v1/3pid/onbind, by identity servers, whose requests are not signed. */
export const onBindThirdPartyIdentifier = endpoint(
  {
    id: 'onBindThirdPartyIdentifier',
    spec: 'server-server-api/#put_matrixfederationv13pidonbind',
    method: 'PUT',
    paths: federationPaths('/3pid/onbind'),
    auth: 'none',
    body: Type.Object({ invites: Type.Array(EVENT) }),
  },
  async ({ thirdPartyExchange }: Needs, { body }) => {
    await thirdPartyExchange.onBind(body.invites as JsonValue[]);
    return {};
  },
);

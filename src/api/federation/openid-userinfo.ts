import { Type } from 'typebox';
import type { OpenIdTokens } from '../../modules/openid/index.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { endpoint } from '../../wire/endpoint.ts';

/** GET /_matrix/federation/v1/openid/userinfo, which is not signed: whoever has the token may ask. */
export const exchangeOpenIdToken = endpoint(
  {
    id: 'exchangeOpenIdToken',
    spec: 'server-server-api/#get_matrixfederationv1openiduserinfo',
    method: 'GET',
    paths: ['/_matrix/federation/v1/openid/userinfo'],
    auth: 'none',
    query: Type.Object({ access_token: Type.Optional(Type.String()) }),
  },
  async ({ openIdTokens }: { openIdTokens: OpenIdTokens }, request) => {
    const token = request.query.access_token;
    if (token === undefined) {
      throw new MatrixError(401, 'M_MISSING_TOKEN', 'This needs an OpenID token: "?access_token=<token>"');
    }
    return { sub: await openIdTokens.userOf(token) };
  },
);

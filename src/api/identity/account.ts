import { Type } from 'typebox';
import type { IdentityAccounts } from '../../modules/identity-service/index.ts';
import { serverName } from '../../protocol/identifiers.ts';
import { endpoint } from '../../wire/endpoint.ts';
import { IDENTITY_CODES } from './both-versions.ts';

interface Needs {
  readonly identityAccounts: IdentityAccounts;
}

/** POST /_matrix/identity/v2/account/register, with what a homeserver gave the user for this purpose. */
export const registerAccount = endpoint(
  {
    id: 'registerAccount',
    spec: 'identity-service-api/#post_matrixidentityv2accountregister',
    method: 'POST',
    paths: ['/_matrix/identity/v2/account/register'],
    auth: 'none',
    limit: 'login',
    codes: IDENTITY_CODES,
    body: Type.Object({
      access_token: Type.String({ minLength: 1, maxLength: 4_096 }),
      matrix_server_name: Type.String(),
    }),
  },
  async (needs: Needs, { body }) => {
    const server = serverName(body.matrix_server_name);
    const token = await needs.identityAccounts.register(server, body.access_token);
    return { token, access_token: token };
  },
);

/** GET /_matrix/identity/v2/account */
export const getAccount = endpoint(
  {
    id: 'getAccount',
    spec: 'identity-service-api/#get_matrixidentityv2account',
    method: 'GET',
    paths: ['/_matrix/identity/v2/account'],
    auth: 'identity',
    limit: 'identity',
  },
  (_needs: object, { account }) => ({ user_id: account.userId }),
);

/** POST /_matrix/identity/v2/account/logout: what every other path calls M_UNAUTHORIZED is M_UNKNOWN_TOKEN here. */
export const logoutAccount = endpoint(
  {
    id: 'logoutAccount',
    spec: 'identity-service-api/#post_matrixidentityv2accountlogout',
    method: 'POST',
    paths: ['/_matrix/identity/v2/account/logout'],
    auth: 'identity',
    beforeTerms: 'allowed',
    limit: 'identity',
    codes: { M_UNAUTHORIZED: 'M_UNKNOWN_TOKEN' },
  },
  async (needs: Needs, { account }) => {
    await needs.identityAccounts.logout(account);
    return {};
  },
);

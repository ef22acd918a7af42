import { Type } from 'typebox';
import type { Accounts } from '../../../accounts/accounts.ts';
import { LOGIN_TOKEN_LIFETIME_MS, type LoginTokens } from '../../../accounts/login-tokens.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /login/get_token */
export const generateLoginToken = endpoint(
  {
    id: 'generateLoginToken',
    spec: 'client-server-api/#post_matrixclientv1loginget_token',
    method: 'POST',
    paths: clientPaths('/login/get_token', { since: 'v1' }),
    auth: 'user',
    limit: 'login',
    body: Type.Object({ auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
  },
  async (needs: { accounts: Accounts; loginTokens: LoginTokens }, request) => {
    await needs.accounts.confirm(request.session, 'get_token', request.body.auth);
    const token = await needs.loginTokens.make(request.session.userId, LOGIN_TOKEN_LIFETIME_MS);
    return { login_token: token, expires_in_ms: LOGIN_TOKEN_LIFETIME_MS };
  },
);

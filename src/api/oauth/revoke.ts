import type { TokenGrants } from '../../accounts/oauth/token-grants.ts';
import { endpoint } from '../../wire/endpoint.ts';
import { oauthForm, required } from './oauth-form.ts';
import { OAUTH_PATHS } from './oauth-paths.ts';

/** POST {revocation_endpoint} (RFC 7009). Whoever has a token may end it, whichever client it was given to. */
export const revokeOAuthToken = endpoint(
  {
    id: 'revokeOAuthToken',
    spec: 'client-server-api/#token-revocation',
    method: 'POST',
    paths: [OAUTH_PATHS.revoke],
    auth: 'none',
    limit: 'token',
    body: 'bytes',
  },
  async (needs: { tokenGrants: TokenGrants }, { body }) => {
    await needs.tokenGrants.revoke(required(await oauthForm(body), 'token'));
    return {};
  },
);

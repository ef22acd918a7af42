import { OAuthError } from '../../accounts/oauth/oauth-error.ts';
import type { TokenGrants } from '../../accounts/oauth/token-grants.ts';
import type { OpenedSession } from '../../accounts/sessions.ts';
import { endpoint, Reply } from '../../wire/endpoint.ts';
import { oauthForm, required } from './oauth-form.ts';
import { OAUTH_PATHS } from './oauth-paths.ts';

/** POST {token_endpoint} (RFC 6749, section 3.2). */
export const getOAuthTokens = endpoint(
  {
    id: 'getOAuthTokens',
    spec: 'client-server-api/#grant-types',
    method: 'POST',
    paths: [OAUTH_PATHS.token],
    auth: 'none',
    limit: 'token',
    body: 'bytes',
  },
  async (needs: { tokenGrants: TokenGrants }, { body }) => {
    const form = await oauthForm(body);
    const clientId = required(form, 'client_id');
    switch (required(form, 'grant_type')) {
      case 'authorization_code': {
        const { session, scope } = await needs.tokenGrants.byCode({
          clientId,
          code: required(form, 'code'),
          redirectUri: required(form, 'redirect_uri'),
          codeVerifier: required(form, 'code_verifier'),
        });
        return tokensReply(session, scope);
      }
      case 'urn:ietf:params:oauth:grant-type:device_code': {
        const { session, scope } = await needs.tokenGrants.byDeviceCode(
          required(form, 'device_code'),
          clientId,
        );
        return tokensReply(session, scope);
      }
      case 'refresh_token':
        return tokensReply(await needs.tokenGrants.byRefreshToken(required(form, 'refresh_token'), clientId));
      default:
        throw new OAuthError('unsupported_grant_type', '"grant_type" is not one of those in the metadata');
    }
  },
);

function tokensReply(session: OpenedSession, scope?: string): Reply {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', pragma: 'no-cache' };
  return new Reply(200, headers, {
    access_token: session.accessToken,
    token_type: 'Bearer',
    expires_in: Math.floor((session.expiresInMs ?? 0) / 1000),
    refresh_token: session.refreshToken,
    scope,
  });
}

import { Type } from 'typebox';
import { metadataBody } from '../../accounts/oauth/client-metadata.ts';
import type { OAuthClients } from '../../accounts/oauth/clients.ts';
import { OAuthError } from '../../accounts/oauth/oauth-error.ts';
import { isJsonObject } from '../../protocol/json.ts';
import { endpoint, Reply } from '../../wire/endpoint.ts';
import { OAUTH_PATHS } from './oauth-paths.ts';

/** POST {registration_endpoint} (RFC 7591). */
export const registerClient = endpoint(
  {
    id: 'registerOAuthClient',
    spec: 'client-server-api/#dynamic-client-registration-flow',
    method: 'POST',
    paths: [OAUTH_PATHS.register],
    auth: 'none',
    limit: 'registration',
    body: Type.Unknown(),
  },
  async (needs: { oauthClients: OAuthClients }, { body }) => {
    if (!isJsonObject(body)) {
      throw new OAuthError('invalid_client_metadata', 'The metadata must be a JSON object');
    }
    const { id, metadata } = await needs.oauthClients.register(body);
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
    return new Reply(201, headers, { client_id: id, ...metadataBody(metadata) });
  },
);

import {
  ACCOUNT_ACTIONS,
  ACCOUNT_PATH,
  OLDER_ACCOUNT_ACTIONS,
} from '../../accounts/oauth/account-actions.ts';
import { GRANT_TYPES } from '../../accounts/oauth/client-metadata.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { clientPaths, endpoint } from '../../wire/endpoint.ts';
import { OAUTH_PATHS } from './oauth-paths.ts';

/** GET /v1/auth_metadata */
export const getAuthMetadata = endpoint(
  {
    id: 'getAuthMetadata',
    spec: 'client-server-api/#get_matrixclientv1auth_metadata',
    method: 'GET',
    paths: clientPaths('/auth_metadata', { since: 'v1' }),
    auth: 'none',
  },
  (_needs: object, { baseUrl }) => metadata(baseUrl, ACCOUNT_ACTIONS),
);

/** The same where RFC 8414 and older clients look for it, with actions under their older names, too. */
export const getOlderAuthMetadata = endpoint(
  {
    id: 'getOlderAuthMetadata',
    method: 'GET',
    paths: [
      '/_matrix/client/unstable/org.matrix.msc2965/auth_metadata',
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
    ],
    auth: 'none',
  },
  (_needs: object, { baseUrl }) => metadata(baseUrl, [...ACCOUNT_ACTIONS, ...OLDER_ACCOUNT_ACTIONS]),
);

/** GET /auth_issuer: where clients from before the metadata was in the specification begin. */
export const getAuthIssuer = endpoint(
  {
    id: 'getAuthIssuer',
    method: 'GET',
    paths: ['/_matrix/client/unstable/org.matrix.msc2965/auth_issuer'],
    auth: 'none',
  },
  (_needs: object, { baseUrl }) => ({ issuer: `${baseUrl}/` }),
);

function metadata(baseUrl: string, actions: readonly string[]): JsonObject {
  return {
    issuer: `${baseUrl}/`,
    authorization_endpoint: baseUrl + OAUTH_PATHS.authorize,
    token_endpoint: baseUrl + OAUTH_PATHS.token,
    revocation_endpoint: baseUrl + OAUTH_PATHS.revoke,
    registration_endpoint: baseUrl + OAUTH_PATHS.register,
    device_authorization_endpoint: baseUrl + OAUTH_PATHS.deviceAuthorization,
    response_types_supported: ['code'],
    grant_types_supported: [...GRANT_TYPES],
    response_modes_supported: ['query', 'fragment'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    prompt_values_supported: ['create'],
    account_management_uri: baseUrl + ACCOUNT_PATH,
    account_management_actions_supported: [...actions],
  };
}

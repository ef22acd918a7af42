import { getAuthIssuer, getAuthMetadata, getOlderAuthMetadata } from './auth-metadata.ts';
import { authorizeDevice } from './device-authorization.ts';
import { registerClient } from './register-client.ts';
import { revokeOAuthToken } from './revoke.ts';
import { getOAuthTokens } from './token.ts';

/** Endpoints of the authorisation server. */
export const oauthEndpoints = [
  authorizeDevice,
  getAuthIssuer,
  getAuthMetadata,
  getOAuthTokens,
  getOlderAuthMetadata,
  registerClient,
  revokeOAuthToken,
] as const;

import type { DeviceId } from '../../protocol/identifiers.ts';
import type { OAuthClient, OAuthClients } from './clients.ts';
import { OAuthError } from './oauth-error.ts';
import { isRegisteredRedirectUri } from './redirect-uri.ts';
import { parseScope } from './scope.ts';

/** How a client gets its answer: after `?` or after `#` of its redirect URI. */
export type ResponseMode = 'query' | 'fragment';

/** Where the answer to an authorization request goes. */
export interface ReturnAddress {
  readonly redirectUri: string;
  readonly responseMode: ResponseMode;
  readonly state: string | undefined;
}

/** What a client asks a user for (Client-Server API, "Authorisation code flow"). */
export interface AuthorizationRequest {
  readonly client: OAuthClient;
  readonly address: ReturnAddress;
  readonly scope: string;
  readonly deviceId: DeviceId;
  readonly codeChallenge: string;
  /** Whether the user wishes for a new account. */
  readonly createsAccount: boolean;
}

/** An error that the client is told by sending the user back to it. */
export class AuthorizationRefused extends Error {
  readonly location: string;

  constructor(address: ReturnAddress, error: OAuthError) {
    super(error.message);
    this.location = returnLocation(address, { error: error.code, error_description: error.message });
  }
}

/**
 * Reads an authorization request.
 *
 * @throws OAuthError for a client or redirect URI that is not known: the user must not be sent anywhere.
 * @throws AuthorizationRefused for all else that is wrong.
 */
export async function parseAuthorizationRequest(
  clients: OAuthClients,
  query: URLSearchParams,
): Promise<AuthorizationRequest> {
  const client = await clients.byId(query.get('client_id') ?? '');
  const redirectUri = query.get('redirect_uri') ?? '';
  if (!isRegisteredRedirectUri(redirectUri, client.metadata.redirect_uris)) {
    throw new OAuthError('invalid_request', 'The redirect URI is not one that the client registered');
  }
  const mode = query.get('response_mode') ?? 'query';
  const address: ReturnAddress = {
    redirectUri,
    responseMode: mode === 'fragment' ? 'fragment' : 'query',
    state: query.get('state') ?? undefined,
  };
  try {
    return { client, address, ...readRequest(query, mode, client) };
  } catch (error) {
    throw error instanceof OAuthError ? new AuthorizationRefused(address, error) : error;
  }
}

function readRequest(query: URLSearchParams, mode: string, client: OAuthClient) {
  const repeated = [...new Set(query.keys())].find((name) => query.getAll(name).length > 1);
  if (repeated !== undefined) {
    throw new OAuthError('invalid_request', `"${repeated.slice(0, 100)}" must be given once`);
  }
  if (query.get('response_type') !== 'code') {
    throw new OAuthError('unsupported_response_type', '"response_type" must be "code"');
  }
  if (!client.metadata.grant_types.includes('authorization_code')) {
    throw new OAuthError('unauthorized_client', 'The client did not register for authorization codes');
  }
  if (mode !== 'query' && mode !== 'fragment') {
    throw new OAuthError('invalid_request', '"response_mode" must be "query" or "fragment"');
  }
  const codeChallenge = query.get('code_challenge') ?? '';
  if (query.get('code_challenge_method') !== 'S256' || !/^[\w-]{43}$/.test(codeChallenge)) {
    throw new OAuthError(
      'invalid_request',
      '"code_challenge" must be the SHA-256 of a verifier in base64url, and "code_challenge_method" must be "S256"',
    );
  }
  const { text, deviceId } = parseScope(query.get('scope') ?? '');
  const createsAccount = (query.get('prompt') ?? '').split(' ').includes('create');
  return { scope: text, deviceId, codeChallenge, createsAccount };
}

/** The client's redirect URI with an answer, and the state that the client gave. */
export function returnLocation(address: ReturnAddress, answer: Readonly<Record<string, string>>): string {
  const { redirectUri, responseMode, state } = address;
  const parameters = new URLSearchParams({ ...answer, ...(state === undefined ? {} : { state }) }).toString();
  if (responseMode === 'fragment') return `${redirectUri}#${parameters}`;
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${parameters}`;
}

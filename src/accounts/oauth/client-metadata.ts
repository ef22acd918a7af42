import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { OAuthError } from './oauth-error.ts';
import { isHttpsUnder, isRedirectUriAllowed, type ApplicationType } from './redirect-uri.ts';

/** Ways to get a token that clients may use. */
export const GRANT_TYPES = [
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
] as const;

/** A way to get a token. */
export type GrantType = (typeof GRANT_TYPES)[number];

/** What a client says of itself (Client-Server API, "Client metadata"; RFC 7591). */
export interface ClientMetadata {
  readonly client_uri: string;
  readonly redirect_uris: readonly string[];
  readonly response_types: readonly string[];
  readonly grant_types: readonly GrantType[];
  readonly token_endpoint_auth_method: 'none';
  readonly application_type: ApplicationType;
  /** `client_name`, `logo_uri`, `tos_uri`, `policy_uri`, each also for a language as `name#language`. */
  readonly texts: Readonly<Record<string, string>>;
}

const ADDRESSES = ['logo_uri', 'tos_uri', 'policy_uri'];
const TEXTS = ['client_name', ...ADDRESSES];
const LONGEST_NAME = 200;
const LONGEST_ADDRESS = 2_000;
const MOST_REDIRECT_URIS = 30;
const MOST_TEXTS = 200;
const LANGUAGE = /^[a-z0-9]{1,8}(?:-[a-z0-9]{1,8})*$/i;

/**
 * Reads what a client registers with. Keys and values that are not known are left out.
 *
 * @throws OAuthError invalid_client_metadata or invalid_redirect_uri.
 */
export function parseClientMetadata(body: JsonObject): ClientMetadata {
  const clientUri = body.client_uri;
  const host = typeof clientUri === 'string' && clientUri.length <= LONGEST_ADDRESS && hostOf(clientUri);
  if (typeof clientUri !== 'string' || typeof host !== 'string') {
    throw wrong('"client_uri" must be an https: address without user and password');
  }
  if ((body.token_endpoint_auth_method ?? 'none') !== 'none') {
    throw wrong('"token_endpoint_auth_method" must be "none": clients have no secret here');
  }
  const type = body.application_type ?? 'web';
  if (type !== 'web' && type !== 'native') throw wrong('"application_type" must be "web" or "native"');
  const grantTypes = known(body.grant_types ?? ['authorization_code'], 'grant_types', GRANT_TYPES);
  const responseTypes = known(body.response_types ?? ['code'], 'response_types', ['code'] as const);
  const redirectUris = texts(body.redirect_uris ?? [], 'redirect_uris', MOST_REDIRECT_URIS);
  for (const uri of redirectUris) {
    if (uri.length > LONGEST_ADDRESS || !isRedirectUriAllowed(uri, type, host))
      throw wrongRedirect(uri, type);
  }
  if (grantTypes.includes('authorization_code') && redirectUris.length === 0) {
    throw new OAuthError('invalid_redirect_uri', 'The authorization code grant needs a redirect URI');
  }
  return {
    client_uri: clientUri,
    redirect_uris: redirectUris,
    response_types: responseTypes,
    grant_types: grantTypes,
    token_endpoint_auth_method: 'none',
    application_type: type,
    texts: localisedTexts(body, host),
  };
}

/** The metadata as JSON, as it is kept and told to the client. */
export function metadataBody({ texts: named, ...rest }: ClientMetadata): JsonObject {
  return {
    ...rest,
    redirect_uris: [...rest.redirect_uris],
    response_types: [...rest.response_types],
    grant_types: [...rest.grant_types],
    ...named,
  };
}

/** A text of the client in the first of these languages that it has, else in none in particular. */
export function localised(
  metadata: ClientMetadata,
  name: string,
  languages: readonly string[],
): string | undefined {
  const lowerCase = new Map(Object.entries(metadata.texts).map(([key, text]) => [key.toLowerCase(), text]));
  for (const language of languages) {
    for (
      let tag = language.toLowerCase();
      tag !== '';
      tag = tag.slice(0, Math.max(tag.lastIndexOf('-'), 0))
    ) {
      const text = lowerCase.get(`${name}#${tag}`);
      if (text !== undefined) return text;
    }
  }
  return metadata.texts[name];
}

function hostOf(clientUri: string): string | undefined {
  if (!URL.canParse(clientUri)) return undefined;
  const { hostname } = new URL(clientUri);
  return isHttpsUnder(clientUri, hostname) ? hostname : undefined;
}

function localisedTexts(body: JsonObject, host: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(body)) {
    const [name = '', language, ...more] = key.split('#');
    if (!TEXTS.includes(name) || value === null || value === '') continue;
    if (more.length > 0 || (language !== undefined && !LANGUAGE.test(language))) {
      throw wrong(`"${key.slice(0, 100)}" must name a language after one #`);
    }
    const isAddress = ADDRESSES.includes(name);
    if (typeof value !== 'string' || value.length > (isAddress ? LONGEST_ADDRESS : LONGEST_NAME)) {
      throw wrong(`"${key}" must be a text that is not too long`);
    }
    if (isAddress && !isHttpsUnder(value, host)) {
      throw wrong(`"${key}" must be an https: address on the host of "client_uri" or a subdomain of it`);
    }
    found[key] = value;
  }
  if (Object.keys(found).length > MOST_TEXTS) throw wrong(`At most ${MOST_TEXTS} texts can be registered`);
  return found;
}

function known<Value extends string>(
  given: JsonValue,
  key: string,
  values: readonly Value[],
): readonly Value[] {
  const all = texts(given, key, MOST_TEXTS);
  return values.filter((value) => all.includes(value));
}

function texts(given: JsonValue, key: string, most: number): string[] {
  if (!Array.isArray(given) || given.length > most || given.some((one) => typeof one !== 'string')) {
    throw wrong(`"${key}" must be a list of at most ${most} texts`);
  }
  return given as string[];
}

function wrong(message: string): OAuthError {
  return new OAuthError('invalid_client_metadata', message);
}

function wrongRedirect(uri: string, type: ApplicationType): OAuthError {
  const others =
    type === 'web'
      ? ''
      : ', or http: on the loopback interface without a port, or a scheme that is that host in reverse';
  return new OAuthError(
    'invalid_redirect_uri',
    `${uri.slice(0, 200)} must be an https: address on the host of "client_uri" or a subdomain of it, without fragment${others}`,
  );
}

/** Metadata that was kept by `metadataBody`. */
export function keptMetadata(json: string): ClientMetadata {
  const body: unknown = JSON.parse(json);
  if (!isJsonObject(body)) throw new Error('Client metadata that was kept is not an object');
  return parseClientMetadata(body);
}

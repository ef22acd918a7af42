import type { OutgoingHttp } from '../../platform/outgoing-http.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { askJson, ProviderFailed } from './provider-http.ts';

/** Settings of an identity provider: the keys of `sso.providers` in the configuration. */
export interface ProviderSettings {
  readonly id: string;
  readonly name: string;
  readonly brand: string;
  readonly icon: string;
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly userinfo_endpoint: string;
  readonly client_id: string;
  readonly client_secret: string;
  readonly scopes: string;
  readonly subject_claim: string;
  readonly localpart_claim: string;
  readonly display_name_claim: string;
  readonly allow_new_users: boolean;
  readonly link_by_name: boolean;
}

/** Where an identity provider answers. */
export interface ProviderMetadata {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userinfoEndpoint: string | undefined;
  /** Only with OpenID Connect: whose ID tokens, and the keys to check them with. */
  readonly openId: { readonly issuer: string; readonly jwksUri: string } | undefined;
  /** Whether the secret goes into the body of a request, and not into its `Authorization` header. */
  readonly secretInBody: boolean;
}

/** What an identity provider says of itself (OpenID Connect Discovery 1.0), or what the configuration does. */
export async function providerMetadata(
  outgoing: OutgoingHttp,
  settings: ProviderSettings,
): Promise<ProviderMetadata> {
  if (settings.issuer === '') {
    return {
      authorizationEndpoint: settings.authorization_endpoint,
      tokenEndpoint: settings.token_endpoint,
      userinfoEndpoint: settings.userinfo_endpoint,
      openId: undefined,
      secretInBody: true,
    };
  }
  const url = `${settings.issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`;
  const found = await askJson(outgoing, { url });
  if (found.issuer !== settings.issuer) {
    throw new ProviderFailed(`${url} is of another issuer: ${String(found.issuer)}`);
  }
  const methods = found.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return {
    authorizationEndpoint: address(found, 'authorization_endpoint'),
    tokenEndpoint: address(found, 'token_endpoint'),
    userinfoEndpoint: found.userinfo_endpoint === undefined ? undefined : address(found, 'userinfo_endpoint'),
    openId: { issuer: settings.issuer, jwksUri: address(found, 'jwks_uri') },
    secretInBody: Array.isArray(methods) && !methods.includes('client_secret_basic'),
  };
}

function address(found: JsonObject, key: string): string {
  const value = found[key];
  if (typeof value === 'string' && URL.canParse(value)) return value;
  throw new ProviderFailed(`Its metadata has no "${key}"`);
}

/** Claims as an object, whatever was sent. */
export function claimsIn(value: unknown): JsonObject {
  if (isJsonObject(value)) return value;
  throw new ProviderFailed('It sent claims that are not a JSON object');
}

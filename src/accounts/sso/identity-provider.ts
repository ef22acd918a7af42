import { hash } from 'node:crypto';
import type { OutgoingHttp } from '../../platform/outgoing-http.ts';
import { boundedCache } from '../../platform/bounded-cache.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { askJson, ProviderFailed } from './provider-http.ts';
import {
  claimsIn,
  providerMetadata,
  type ProviderMetadata,
  type ProviderSettings,
} from './provider-metadata.ts';

/** Milliseconds that a provider's metadata is believed. */
const METADATA_MS = 3_600_000;

/** Secrets of one attempt to sign in. */
export interface AttemptSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  /** Where the provider sends the browser back to. */
  readonly redirectUri: string;
}

/** Who somebody is for an identity provider. */
export interface Identity {
  /** Never changes, and is nobody else's. */
  readonly subject: string;
  /** What a user name can be made of. */
  readonly name: string;
  readonly displayName: string | undefined;
}

/** A service by which people sign in: OpenID Connect, or OAuth 2.0 and an endpoint that says who somebody is. */
export class IdentityProvider {
  readonly settings: ProviderSettings;
  readonly #outgoing: OutgoingHttp;
  readonly #metadata = boundedCache<'metadata', ProviderMetadata>(1, METADATA_MS);

  constructor(settings: ProviderSettings, outgoing: OutgoingHttp) {
    this.settings = settings;
    this.#outgoing = outgoing;
  }

  /** Where to send a browser (OpenID Connect Core 1.0, section 3.1.2.1; PKCE, RFC 7636). */
  async authorizationUrl(secrets: AttemptSecrets): Promise<string> {
    const { authorizationEndpoint, openId } = await this.#knownMetadata();
    const url = new URL(authorizationEndpoint);
    const { searchParams } = url;
    searchParams.set('response_type', 'code');
    searchParams.set('client_id', this.settings.client_id);
    searchParams.set('redirect_uri', secrets.redirectUri);
    searchParams.set('scope', this.settings.scopes);
    searchParams.set('state', secrets.state);
    searchParams.set('code_challenge', hash('sha256', secrets.codeVerifier, 'base64url'));
    searchParams.set('code_challenge_method', 'S256');
    if (openId) searchParams.set('nonce', secrets.nonce);
    return url.href;
  }

  /**
   * Who the code is of that a browser came back with.
   *
   * @throws ProviderFailed for whatever is not as it should be.
   */
  async identify(code: string, secrets: AttemptSecrets): Promise<Identity> {
    const metadata = await this.#knownMetadata();
    const tokens = await this.#redeem(metadata, code, secrets);
    const fromToken = metadata.openId
      ? await this.#checkIdToken(metadata.openId, tokens.id_token, secrets.nonce)
      : {};
    const fromEndpoint = metadata.userinfoEndpoint
      ? await askJson(this.#outgoing, {
          url: metadata.userinfoEndpoint,
          headers: { authorization: `Bearer ${String(tokens.access_token)}` },
        })
      : {};
    if (metadata.openId && metadata.userinfoEndpoint && fromEndpoint.sub !== fromToken.sub) {
      throw new ProviderFailed('The userinfo endpoint speaks of somebody else than the ID token');
    }
    return this.#identityIn({ ...fromEndpoint, ...fromToken });
  }

  async #redeem(metadata: ProviderMetadata, code: string, secrets: AttemptSecrets): Promise<JsonObject> {
    const { client_id: clientId, client_secret: secret } = this.settings;
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: secrets.redirectUri,
      code_verifier: secrets.codeVerifier,
    });
    const inHeader = secret !== '' && !metadata.secretInBody;
    if (!inHeader) form.set('client_id', clientId);
    if (!inHeader && secret !== '') form.set('client_secret', secret);
    const credentials = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`;
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    const tokens = await askJson(this.#outgoing, {
      url: metadata.tokenEndpoint,
      form,
      headers: inHeader ? { authorization } : {},
    });
    if (typeof tokens.access_token !== 'string') throw new ProviderFailed('It sent no access token');
    return tokens;
  }

  async #checkIdToken(
    openId: { readonly issuer: string; readonly jwksUri: string },
    token: unknown,
    nonce: string,
  ): Promise<JsonObject> {
    if (typeof token !== 'string') throw new ProviderFailed('It sent no ID token');
    const { createLocalJWKSet, jwtVerify } = await import('jose');
    const keys = await askJson(this.#outgoing, { url: openId.jwksUri });
    try {
      const keySet = createLocalJWKSet(keys as unknown as Parameters<typeof createLocalJWKSet>[0]);
      const { payload } = await jwtVerify(token, keySet, {
        issuer: openId.issuer,
        audience: this.settings.client_id,
        requiredClaims: ['exp', 'iat', 'sub'],
        clockTolerance: 60,
      });
      if (payload.nonce !== nonce) throw new Error('its nonce is another');
      return claimsIn(payload);
    } catch (error) {
      throw new ProviderFailed(`Its ID token is not good: ${(error as Error).message}`, { cause: error });
    }
  }

  #identityIn(claims: JsonObject): Identity {
    const text = (key: string) => {
      const value = claims[key];
      return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
    };
    const { subject_claim: subjectClaim, localpart_claim: nameClaim } = this.settings;
    const subject = text(subjectClaim);
    if (subject === '') throw new ProviderFailed(`Its claims have no "${subjectClaim}"`);
    const displayName = text(this.settings.display_name_claim).slice(0, 256);
    return { subject, name: text(nameClaim) || subject, displayName: displayName || undefined };
  }

  async #knownMetadata(): Promise<ProviderMetadata> {
    const known = this.#metadata.get('metadata');
    if (known) return known;
    const found = await providerMetadata(this.#outgoing, this.settings);
    this.#metadata.set('metadata', found);
    return found;
  }
}

import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { TestBrowser } from './test-browser.ts';
import { TestClient, type Json } from './test-client.ts';

/** An answer of the authorisation server. */
export interface OAuthAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

const VERIFIER = randomBytes(32).toString('base64url');

/** What a web client says of itself. */
export const WEB_CLIENT = {
  client_name: 'A client',
  client_uri: 'https://client.example.org/',
  redirect_uris: ['https://client.example.org/callback'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  token_endpoint_auth_method: 'none',
  application_type: 'web',
};

/** A client that signs in by OAuth 2.0, as the metadata of the server tells it to. */
export class OAuthTestClient {
  readonly base: string;
  readonly clientId: string;
  readonly metadata: Json;
  readonly #redirectUri: string;

  private constructor(base: string, metadata: Json, registered: Json) {
    this.base = base;
    this.metadata = metadata;
    this.clientId = registered.client_id;
    this.#redirectUri = registered.redirect_uris[0];
  }

  /** Asks for the metadata, and registers. */
  static async register(base: string, about: object = WEB_CLIENT): Promise<OAuthTestClient> {
    const metadata = await new TestClient(base).ok('GET', '/v1/auth_metadata');
    const response = await fetch(metadata.registration_endpoint, {
      method: 'POST',
      body: JSON.stringify(about),
    });
    assert.equal(response.status, 201);
    return new OAuthTestClient(base, metadata, await response.json());
  }

  /** Where the client sends the user. */
  authorizationUrl(deviceId: string, more: Record<string, string | undefined> = {}): string {
    const wanted: Record<string, string | undefined> = {
      response_type: 'code',
      client_id: this.clientId,
      redirect_uri: this.#redirectUri,
      scope: `urn:matrix:client:api:* urn:matrix:client:device:${deviceId}`,
      state: 'a state',
      response_mode: 'fragment',
      code_challenge: hash('sha256', VERIFIER, 'base64url'),
      code_challenge_method: 'S256',
      ...more,
    };
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(wanted)) if (value !== undefined) search.set(name, value);
    return `${this.metadata.authorization_endpoint}?${search.toString()}`;
  }

  /** Sends a form to an endpoint of the metadata. */
  async post(endpoint: string, form: Record<string, string>): Promise<OAuthAnswer> {
    const response = await fetch(this.metadata[endpoint], {
      method: 'POST',
      body: new URLSearchParams(form),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  /** Exchanges a code. */
  redeem(code: string, more: Record<string, string> = {}): Promise<OAuthAnswer> {
    return this.post('token_endpoint', {
      grant_type: 'authorization_code',
      code,
      client_id: this.clientId,
      redirect_uri: this.#redirectUri,
      code_verifier: VERIFIER,
      ...more,
    });
  }

  /** Exchanges a refresh token. */
  refresh(refreshToken: string, clientId = this.clientId): Promise<OAuthAnswer> {
    return this.post('token_endpoint', {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: clientId,
    });
  }

  /** A code that somebody gave the client who has a password. */
  async codeFrom(browser: TestBrowser, user: string, deviceId: string): Promise<string> {
    await browser.open(this.authorizationUrl(deviceId));
    if (browser.page.url.includes('/account/sign-in')) {
      await browser.submit({ user, password: `${user} password` });
    }
    const { sentTo } = await browser.submit({ decision: 'allow' });
    return new URLSearchParams(new URL(sentTo ?? '').hash.slice(1)).get('code') ?? '';
  }

  /** Signs somebody in who has a password; gives their tokens and a client with the access token. */
  async signIn(user: string, deviceId: string): Promise<{ tokens: Json; client: TestClient }> {
    const { status, body } = await this.redeem(
      await this.codeFrom(new TestBrowser(this.base), user, deviceId),
    );
    assert.equal(status, 200, JSON.stringify(body));
    const client = new TestClient(this.base, body.access_token);
    client.userId = (await client.ok('GET', '/v3/account/whoami')).user_id;
    client.deviceId = deviceId;
    return { tokens: body, client };
  }
}

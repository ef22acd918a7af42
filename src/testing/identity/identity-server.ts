import { generateKeyPairSync, hash, sign, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { JsonObject } from '../../protocol/json.ts';

const PEPPER = 'a pepper';

/** An identity server that speaks v2 over HTTP, with a key of its own. Its access token is `token`. */
export class StandInIdentityServer {
  /** Whose identifiers are bound, by `address medium`. */
  readonly bound = new Map<string, string>();
  /** Addresses that sessions have proven, by `sid client_secret`. */
  readonly validated = new Map<string, string>();
  /** Who was bound without a token, by `sid client_secret`. */
  readonly boundWithoutToken = new Map<string, string>();
  /** `Authorization` headers of requests to unbind. */
  readonly unbindings: string[] = [];
  /** Bodies of requests to keep an invitation. */
  readonly invites: JsonObject[] = [];
  /** What it answers who binds an identifier, if that is an error. */
  refusal: readonly [number, JsonObject] | undefined;
  /** Whether it says that its key is still valid. */
  keyIsValid = true;
  readonly #server: Server;
  readonly #key: KeyObject;
  readonly #publicKey: string;

  private constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    this.#key = privateKey;
    this.#publicKey = (publicKey.export({ format: 'jwk' }).x ?? '').replace(/-/g, '+').replace(/_/g, '/');
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(([status, body]) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
  }

  static async start(): Promise<StandInIdentityServer> {
    const stand = new StandInIdentityServer();
    await once(stand.#server.listen(0, '127.0.0.1'), 'listening');
    return stand;
  }

  /** Host and port. */
  get name(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What it signs for who turns out to have the identifier of an invitation. */
  signed(token: string, sender: string, mxid: string): JsonObject {
    const object = { mxid, sender, token };
    const signature = sign(null, Buffer.from(canonicalJson(object, { strict: true })), this.#key);
    const encoded = signature.toString('base64').replace(/=+$/, '');
    return { ...object, signatures: { [this.name]: { 'ed25519:0': encoded } } };
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage): Promise<[number, JsonObject]> {
    const body = request.method === 'POST' ? (JSON.parse(await text(request)) as JsonObject) : {};
    const path = (request.url ?? '').replace('/_matrix/identity/v2', '');
    const { authorization = '' } = request.headers;
    if (path === '/_matrix/identity/api/v1/3pid/bind') {
      const key = `${String(body.sid)} ${String(body.client_secret)}`;
      const address = this.validated.get(key);
      if (address === undefined) return [404, { errcode: 'M_NO_VALID_SESSION', error: 'not proven' }];
      this.boundWithoutToken.set(key, String(body.mxid));
      return [200, { medium: 'email', address, mxid: String(body.mxid) }];
    }
    if (path.startsWith('/_matrix/identity/api/v1/3pid/getValidated3pid?')) {
      const query = new URL(path, 'http://here').searchParams;
      const address = this.validated.get(`${query.get('sid') ?? ''} ${query.get('client_secret') ?? ''}`);
      if (address === undefined) return [404, { errcode: 'M_NO_VALID_SESSION', error: 'not proven' }];
      return [200, { medium: 'email', address, validated_at: 1_000 }];
    }
    if (path.startsWith('/_matrix/identity/api/v1/')) return this.#answerOf2015(path, body);
    if (path === '/3pid/unbind') {
      this.unbindings.push(authorization);
      return authorization.startsWith('X-Matrix ') ? [200, {}] : [403, {}];
    }
    if (path === `/valid?public_key=${encodeURIComponent(this.#publicKey)}`) {
      return [200, { valid: this.keyIsValid }];
    }
    if (authorization !== 'Bearer token') return [401, { errcode: 'M_UNAUTHORIZED', error: 'no token' }];
    switch (path) {
      case '/hash_details':
        return [200, { lookup_pepper: PEPPER, algorithms: ['sha256'] }];
      case '/lookup': {
        const all = [...this.bound].map(([key, mxid]) => [
          hash('sha256', `${key} ${PEPPER}`, 'base64url'),
          mxid,
        ]);
        const asked = body.addresses as string[];
        return [
          200,
          { mappings: Object.fromEntries(all.filter(([hashed]) => asked.includes(hashed ?? ''))) },
        ];
      }
      case '/store-invite': {
        this.invites.push(body);
        const key = { public_key: this.#publicKey, key_validity_url: `http://${this.name}/valid` };
        return [
          200,
          { token: `invite${this.invites.length}`, display_name: 'e...@e...', public_keys: [key] },
        ];
      }
      case '/3pid/bind':
        if (this.refusal) return [...this.refusal];
        return [200, { medium: 'email', address: 'erin@example.org', mxid: String(body.mxid) }];
      default:
        return [404, { errcode: 'M_NOT_FOUND', error: 'nothing here' }];
    }
  }

  /** As identity servers were in 2015: without tokens, with one key, of which they say nothing but what it is. */
  #answerOf2015(path: string, body: JsonObject): [number, JsonObject] {
    const [place = '', query] = path.slice('/_matrix/identity/api/v1'.length).split('?');
    switch (place) {
      case '/lookup':
        return [200, {}];
      case '/store-invite':
        this.invites.push(body);
        return [200, { token: `invite${this.invites.length}`, public_key: this.#publicKey }];
      case '/pubkey/isvalid': {
        const asked = new URLSearchParams(query).get('public_key');
        return [200, { valid: this.keyIsValid && asked === this.#publicKey }];
      }
      default:
        return [404, { errcode: 'M_NOT_FOUND', error: 'nothing here' }];
    }
  }
}

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import type { TestBrowser } from '../client/test-browser.ts';

/** An OpenID Connect provider on a port of its own. Whoever signs in has the name that they give. */
export class TestIdentityProvider {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens; it answers once it knows whom for. */
  static async start(): Promise<TestIdentityProvider> {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new TestIdentityProvider(server);
  }

  /** @param redirectUri where it may send browsers back to. */
  serve(redirectUri: string): void {
    const provider = new Provider(this.issuer, {
      clients: [
        {
          client_id: 'myelin',
          client_secret: 'a secret & more',
          redirect_uris: [redirectUri],
          grant_types: ['authorization_code'],
          response_types: ['code'],
        },
      ],
      pkce: { required: () => true },
      cookies: { keys: ['a key'] },
      claims: { openid: ['sub'], profile: ['preferred_username', 'name'] },
      findAccount: (_context, id) => ({
        accountId: id,
        claims: () => ({ sub: `subject of ${id}`, preferred_username: id, name: `${id} from elsewhere` }),
      }),
    });
    const answer = provider.callback();
    this.#server.removeAllListeners('request');
    this.#server.on('request', (request, response) => void answer(request, response));
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The settings by which a server uses it. */
  settings(more: object = {}): Record<string, string> {
    const provider = {
      id: 'elsewhere',
      name: 'Elsewhere',
      brand: 'example',
      issuer: this.issuer,
      client_id: 'myelin',
      client_secret: 'a secret & more',
      ...more,
    };
    return {
      MYELIN_SSO_PROVIDERS: JSON.stringify([provider]),
      MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
    };
  }

  /** Signs somebody in, and consents, on the pages that a browser shows. */
  async signIn(browser: TestBrowser, name: string): Promise<void> {
    await browser.submit({ login: name, password: 'anything' });
    while (browser.page.url.startsWith(this.issuer)) await browser.submit({});
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

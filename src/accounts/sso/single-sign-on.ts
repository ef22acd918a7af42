import type { UserId } from '../../protocol/identifiers.ts';
import { forbidden, MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import { commitOrRefuse } from '../../storage/guarded-commit.ts';
import * as ssoStore from '../../storage/accounts/sso-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { tokenHash } from '../token-hash.ts';
import type { AttemptSecrets, IdentityProvider } from './identity-provider.ts';
import { ProviderFailed } from './provider-http.ts';
import type { SsoUsers } from './sso-users.ts';

/** Where identity providers send browsers back to. */
export const SSO_CALLBACK_PATH = '/account/sso-callback';

/** Where people log in by other services in version 1 of the API. */
export const OAUTH2_LOGIN_PATH = '/_matrix/client/api/v1/login/oauth2';

/** What somebody signs in for: a page of this server, a stage of interactive authentication, or, as in 2015, tokens at once. */
export type SsoPurpose =
  | { readonly kind: 'page'; readonly next: string }
  | { readonly kind: 'stage'; readonly session: string; readonly type: string }
  | { readonly kind: 'credentials' };

/** A browser on its way. */
export interface SsoBrowser {
  /** What it is known by. */
  readonly token: string;
  /** This server's address. */
  readonly baseUrl: string;
}

/** Milliseconds that people have at an identity provider. */
const LIFETIME_MS = 20 * 60_000;

/** Signing in by other services (Client-Server API, "SSO client login/authentication"). */
export class SingleSignOn {
  readonly #needs: SingleSignOnNeeds;

  constructor(needs: SingleSignOnNeeds) {
    this.#needs = needs;
  }

  /** The identity providers, as they are configured. */
  get providers(): readonly IdentityProvider[] {
    return this.#needs.providers;
  }

  /**
   * Where to send a browser for a sign-in.
   *
   * @throws MatrixError 404 for an identity provider that is not known, 502 for one that does not answer.
   */
  async begin(providerId: string, browser: SsoBrowser, purpose: SsoPurpose): Promise<string> {
    const provider = this.#needs.providers.find(({ settings }) => settings.id === providerId);
    if (!provider) throw notFound('There is no identity provider with this ID');
    const { opaque, clock, database } = this.#needs;
    const secrets: AttemptSecrets = {
      state: opaque(40),
      nonce: opaque(40),
      codeVerifier: opaque(64),
      redirectUri: browser.baseUrl + SSO_CALLBACK_PATH,
    };
    const location = await this.#asking(provider, () => provider.authorizationUrl(secrets));
    const now = clock.now();
    const unit = new UnitOfWork();
    ssoStore.addAttempt(
      unit,
      tokenHash(secrets.state),
      {
        provider: providerId,
        browser: tokenHash(browser.token),
        nonce: secrets.nonce,
        code_verifier: secrets.codeVerifier,
        purpose: JSON.stringify(purpose),
        expires_at: now + LIFETIME_MS,
      },
      now,
    );
    await database.commit(unit);
    return location;
  }

  /**
   * Who came back from an identity provider, and what for.
   *
   * @throws MatrixError 400 for a browser that was not sent there, 403 for who refused, 502 for a provider that fails.
   */
  async finish(
    answer: URLSearchParams,
    browser: SsoBrowser,
  ): Promise<{ userId: UserId; purpose: SsoPurpose }> {
    const { database, clock, providers, users } = this.#needs;
    const key = tokenHash(answer.get('state') ?? '');
    const row = await ssoStore.attempt(database, key, clock.now());
    if (!row || !tokenHash(browser.token).equals(row.browser)) throw notBegun();
    const provider = providers.find(({ settings }) => settings.id === row.provider);
    if (!provider) throw notBegun();
    await this.#use(key);
    const code = answer.get('code');
    if (code === null) {
      throw forbidden(`${provider.settings.name} did not sign you in: ${answer.get('error') ?? 'no reason'}`);
    }
    const secrets: AttemptSecrets = {
      state: answer.get('state') ?? '',
      nonce: row.nonce,
      codeVerifier: row.code_verifier,
      redirectUri: browser.baseUrl + SSO_CALLBACK_PATH,
    };
    const identity = await this.#asking(provider, () => provider.identify(code, secrets));
    const purpose = JSON.parse(row.purpose) as SsoPurpose;
    // Who confirms something is somebody here already: nobody becomes a user by that.
    const isHere = purpose.kind === 'stage';
    const userId = await (isHere
      ? users.known(provider.settings, identity)
      : users.of(provider.settings, identity));
    return { userId, purpose };
  }

  async #asking<Answer>(provider: IdentityProvider, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof ProviderFailed) {
        this.#needs.onProviderFailed(provider.settings.id, error.reason);
      }
      throw error;
    }
  }

  async #use(key: Uint8Array): Promise<void> {
    const unit = new UnitOfWork();
    ssoStore.useAttempt(unit, key);
    await commitOrRefuse(this.#needs.database, unit, () => notBegun());
  }
}

interface SingleSignOnNeeds {
  readonly database: Database;
  readonly providers: readonly IdentityProvider[];
  readonly users: SsoUsers;
  readonly clock: { now(): number };
  readonly opaque: (length: number) => string;
  /** Told what an identity provider did wrong. */
  readonly onProviderFailed: (providerId: string, reason: string) => void;
}

function notBegun(): MatrixError {
  return new MatrixError(400, 'M_UNKNOWN', 'This sign-in was not begun here, or took too long: begin again');
}

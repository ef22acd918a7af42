import { randomInt } from 'node:crypto';
import type { Accounts } from './accounts/accounts.ts';
import { BrowserSessions } from './accounts/browser-sessions.ts';
import type { InteractiveAuth } from './accounts/interactive-auth.ts';
import { AuthorizationCodes } from './accounts/oauth/authorization-codes.ts';
import { OAuthClients } from './accounts/oauth/clients.ts';
import { CrossSigningResets } from './accounts/oauth/cross-signing-resets.ts';
import { DeviceAuthorizations } from './accounts/oauth/device-authorizations.ts';
import { TokenGrants } from './accounts/oauth/token-grants.ts';
import type { NewAccounts } from './accounts/registration/new-accounts.ts';
import type { Sessions } from './accounts/sessions.ts';
import { IdentityProvider } from './accounts/sso/identity-provider.ts';
import { SingleSignOn } from './accounts/sso/single-sign-on.ts';
import { SsoUsers } from './accounts/sso/sso-users.ts';
import type { Config } from './platform/config/schema.ts';
import type { OutgoingHttp } from './platform/outgoing-http.ts';
import type { Database } from './storage/database.ts';

/** What the services of the OAuth 2.0 API and of single sign-on need of the rest. */
export interface OAuthWiring {
  readonly database: Database;
  readonly clock: { now(): number };
  readonly opaque: (length: number) => string;
  readonly sessions: Sessions;
  readonly accounts: Accounts;
  readonly interactive: InteractiveAuth;
  readonly newAccounts: NewAccounts;
  readonly outgoing: OutgoingHttp;
  readonly config: Config;
  readonly onProviderFailed: (providerId: string, reason: string) => void;
}

/** Puts the services of the OAuth 2.0 API and of single sign-on together. */
export function createOAuthServices(wiring: OAuthWiring) {
  const { database, clock, opaque, sessions, accounts } = wiring;
  const oauthClients = new OAuthClients(database, clock);
  const authorizationCodes = new AuthorizationCodes(database, clock, opaque);
  const deviceAuthorizations = new DeviceAuthorizations({
    ...{ database, clients: oauthClients, clock, opaque },
    below: (bound) => randomInt(bound),
  });
  return {
    browserSessions: new BrowserSessions(database, clock, opaque),
    oauthClients,
    authorizationCodes,
    deviceAuthorizations,
    tokenGrants: new TokenGrants({
      ...{ database, sessions, clients: oauthClients, codes: authorizationCodes },
      devices: deviceAuthorizations,
      endDevice: (userId, deviceId) => accounts.endDevices(userId, [deviceId]),
    }),
    crossSigningResets: new CrossSigningResets(wiring),
    singleSignOn: new SingleSignOn({
      ...{ database, clock, opaque, onProviderFailed: wiring.onProviderFailed },
      providers: wiring.config.sso.providers.map(
        (settings) => new IdentityProvider(settings, wiring.outgoing),
      ),
      users: new SsoUsers(database, wiring.newAccounts),
    }),
    trustedRedirects: wiring.config.sso.trusted_redirects,
  };
}

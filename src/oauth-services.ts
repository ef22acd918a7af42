import { randomInt } from 'node:crypto';
import type { Accounts } from './accounts/accounts.ts';
import { BrowserSessions } from './accounts/browser-sessions.ts';
import type { InteractiveAuth } from './accounts/interactive-auth.ts';
import { AuthorizationCodes } from './accounts/oauth/authorization-codes.ts';
import { OAuthClients } from './accounts/oauth/clients.ts';
import { CrossSigningResets } from './accounts/oauth/cross-signing-resets.ts';
import { DeviceAuthorizations } from './accounts/oauth/device-authorizations.ts';
import { TokenGrants } from './accounts/oauth/token-grants.ts';
import type { Sessions } from './accounts/sessions.ts';
import type { Database } from './storage/database.ts';

/** What the services of the OAuth 2.0 API need of the rest. */
export interface OAuthWiring {
  readonly database: Database;
  readonly clock: { now(): number };
  readonly opaque: (length: number) => string;
  readonly sessions: Sessions;
  readonly accounts: Accounts;
  readonly interactive: InteractiveAuth;
}

/** Puts the services of the OAuth 2.0 API together. */
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
  };
}

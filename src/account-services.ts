import { Accounts } from './accounts/accounts.ts';
import { InteractiveAuth } from './accounts/interactive-auth.ts';
import { Login } from './accounts/login.ts';
import { Passwords } from './accounts/passwords.ts';
import { Registration } from './accounts/registration.ts';
import { Sessions } from './accounts/sessions.ts';
import { SharedSecretRegistration } from './accounts/shared-secret-registration.ts';
import type { Config } from './platform/config/schema.ts';
import type { ServerName } from './protocol/identifiers.ts';
import type { Database } from './storage/database.ts';

/** What the services about accounts need of the rest. */
export interface AccountWiring {
  readonly database: Database;
  readonly config: Config;
  readonly serverName: ServerName;
  readonly clock: { now(): number };
  readonly opaque: (length: number) => string;
  /** Throws 429 when the passwords of an account were tried too often. */
  readonly allowAttempt: (account: string) => void;
}

/** Puts the services about accounts together. */
export function createAccountServices(wiring: AccountWiring) {
  const { database, config, serverName, clock, opaque, allowAttempt } = wiring;
  const { memory_kib: memoryKib, iterations } = config.passwords;
  const passwords = new Passwords({ memoryKib, iterations });
  const accessTokenLifetimeMs = config.sessions.access_token_lifetime * 1000;
  const sessions = new Sessions({ database, clock, opaque, accessTokenLifetimeMs });
  const interactive = new InteractiveAuth(database, clock, opaque);
  const { enabled, requires_token: requiresToken, guests, shared_secret: secret } = config.registration;
  const registration = new Registration({
    database,
    sessions,
    passwords,
    interactive,
    policy: { enabled, requiresToken, guests },
    serverName,
    clock,
    opaque,
  });
  return {
    sessions,
    registration,
    login: new Login({ database, sessions, passwords, serverName, clock, opaque, allowAttempt }),
    accounts: new Accounts({ database, sessions, passwords, interactive, allowAttempt }),
    sharedSecret: new SharedSecretRegistration(registration, secret === '' ? undefined : secret, opaque),
  };
}

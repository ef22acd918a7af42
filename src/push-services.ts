import type { AccountServices } from './account-services.ts';
import { emailThreepid } from './accounts/threepid-addresses.ts';
import { Pushers } from './modules/push/index.ts';
import type { Config } from './platform/config/schema.ts';
import type { Mailer } from './platform/mailer.ts';
import type { Database } from './storage/database.ts';

/** What the services that push need of the rest. */
export interface PushWiring {
  readonly database: Database;
  readonly config: Config;
  readonly clock: { now(): number };
  readonly opaque: (length: number) => string;
  readonly mailer: Mailer;
  readonly accounts: AccountServices;
}

/** Puts together what tells users of events when they do not sync. */
export function createPushServices(wiring: PushWiring) {
  const { database, config, clock, opaque, mailer, accounts } = wiring;
  const pushers = new Pushers({
    ...{ database, clock, opaque },
    ownsEmail: async (userId, address) => (await accounts.threepids.owner(emailThreepid(address))) === userId,
    sendsMail: mailer.enabled,
  });
  return { pushers, plainGateways: new Set(config.push.plain_gateways) };
}

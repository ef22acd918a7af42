import type { AccountServices } from './account-services.ts';
import { emailThreepid } from './accounts/threepids/threepid-addresses.ts';
import type { Modules } from './modules/index.ts';
import {
  EmailPush,
  HttpPush,
  Notifications,
  PendingPushes,
  PushDecision,
  PushDelivery,
  PushDispatch,
  Pushers,
  PushRecipients,
  PushWording,
  UnreadTotals,
} from './modules/push/index.ts';
import { linkBaseUrl } from './platform/config/public-base-url.ts';
import type { Config } from './platform/config/schema.ts';
import { httpHostOf } from './platform/config/written-entries.ts';
import type { Mailer } from './platform/mailer.ts';
import type { OutgoingHttp } from './platform/outgoing-http.ts';
import { drawFraction, type Randomness } from './platform/randomness.ts';
import type { ServerName, UserId } from './protocol/identifiers.ts';
import type { EventLog } from './rooms/events/event-log.ts';
import type { OutsideMemberships } from './rooms/membership/outside-memberships.ts';
import type { RoomReads } from './rooms/reading/room-reads.ts';
import type { Database } from './storage/database.ts';
import type { RecentChanges } from './storage/recent-changes.ts';

/** What the services that push need of the rest. */
export interface PushWiring {
  readonly database: Database;
  readonly config: Config;
  readonly serverName: ServerName;
  readonly clock: { now(): number };
  readonly randomness: Randomness;
  readonly mailer: Mailer;
  readonly outgoing: OutgoingHttp;
  readonly recent: RecentChanges;
  readonly accounts: AccountServices;
  readonly rooms: RoomReads;
  readonly log: EventLog;
  readonly outside: OutsideMemberships;
  readonly modules: Modules;
  readonly onSendingFailed: (error: unknown) => void;
  readonly isInviteHidden: (invited: UserId, inviter: UserId) => Promise<boolean>;
}

/** Puts together what tells users of events when they do not sync. */
export function createPushServices(wiring: PushWiring) {
  const { database, config, serverName, clock, randomness, mailer, accounts, rooms, modules } = wiring;
  const { pushEvents: events, pushRules: rules, ignoredUsers } = modules;
  const opaque = (length: number) => randomness.opaque(length);
  const pushers = new Pushers({
    ...{ database, clock, opaque },
    ownsEmail: async (userId, address) => (await accounts.threepids.owner(emailThreepid(address))) === userId,
    sendsMail: mailer.enabled,
  });
  const recipients = new PushRecipients(database, serverName);
  const wording = new PushWording(rooms, wiring.outside);
  const pending = new PendingPushes(rooms, modules.receipts, events);
  const giveUpAfterMs = config.push.give_up_after * 1000;
  const http = new HttpPush({
    ...{ database, clock, wording, pending, giveUpAfterMs },
    outgoing: wiring.outgoing,
    totals: new UnreadTotals({ database, rooms, counts: modules.unreadCounts, recent: wiring.recent }),
  });
  const email = new EmailPush({
    ...{ database, clock, wording, pending, giveUpAfterMs, mailer, serverName },
    baseUrl: linkBaseUrl(config, serverName),
    intervalMs: config.push.email_interval * 1000,
    onSendingFailed: wiring.onSendingFailed,
  });
  const delivery = new PushDelivery({
    ...{ database, clock },
    draw: () => drawFraction(randomness),
    ways: { http, email },
  });
  const { isInviteHidden } = wiring;
  const pushDispatch = new PushDispatch({
    ...{ database, rooms, recipients, delivery, clock, serverName },
    decision: new PushDecision({ rooms, events, rules, recipients, ignoredUsers, isInviteHidden }),
    // With the database inside there is one process only: after a restart it goes on at once.
    holder: database.engine === 'sqlite' ? 'the only process' : opaque(20),
    emailDelayMs: config.push.email_delay * 1000,
  });
  const notifications = new Notifications({
    ...{ database, rooms, rules, events, ignoredUsers, isInviteHidden },
    log: wiring.log,
    unreadCounts: modules.unreadCounts,
  });
  return {
    pushers,
    pushDispatch,
    pushDelivery: delivery,
    notifications,
    plainGateways: new Set(config.push.plain_gateways.map((one) => httpHostOf(one) ?? one)),
  };
}

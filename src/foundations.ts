import type { Logger } from 'pino';
import type { SignatureChecks } from './federation/keys/signature-checks.ts';
import type { ServerTransport } from './federation/transport/server-transport.ts';
import { systemClock, type Clock } from './platform/clock.ts';
import type { Config } from './platform/config/schema.ts';
import type { Dns } from './platform/dns.ts';
import { libsodium } from './platform/libsodium.ts';
import { Mailer } from './platform/mailer.ts';
import { OutgoingHttp } from './platform/outgoing-http.ts';
import { systemRandomness, type Randomness } from './platform/randomness.ts';
import { RateLimiter } from './platform/rate-limiter.ts';
import { systemTimers, type Timers } from './platform/timers.ts';
import { trustedAuthorities } from './platform/trusted-authorities.ts';
import { serverName as parseName } from './protocol/identifiers.ts';
import { signWith } from './protocol/signing-keys.ts';
import { ROOM_RULES, type RoomRules } from './rooms/appending/room-rules.ts';
import { openIdentity } from './server-identity.ts';
import { createServerLinks } from './server-links.ts';
import type { Database } from './storage/database.ts';
import type { LimitName } from './wire/endpoint.ts';

/** What tests may put in place of the real thing. */
export interface Overrides {
  readonly clock?: Clock;
  readonly randomness?: Randomness;
  readonly log?: Logger;
  readonly dns?: Dns;
  readonly transport?: ServerTransport;
  readonly signatureChecks?: SignatureChecks;
  readonly timers?: Timers;
  readonly rules?: RoomRules;
}

/** When libsodium is loaded, which takes some 10 ms: after the start, and before the first room needs it. */
const LOAD_AFTER_MS = 1_000;

/** Makes what every role of a process stands on. */
export async function createFoundations(config: Config, database: Database, overrides: Overrides = {}) {
  const clock = overrides.clock ?? systemClock;
  const randomness = overrides.randomness ?? systemRandomness;
  const key = await openIdentity(config, database, { clock, randomness });
  const serverName = parseName(config.server_name);
  signWith(libsodium);
  const outgoing = new OutgoingHttp({
    allowedRanges: config.outgoing.allowed_ranges,
    trust: trustedAuthorities(config.outgoing.ca_file),
  });
  const timers = overrides.timers ?? systemTimers;
  timers.after(LOAD_AFTER_MS, libsodium);
  const { dns, transport, signatureChecks } = overrides;
  const mailer = new Mailer({ smtpUrl: config.mail.smtp_url, from: config.mail.from });
  const links = createServerLinks({
    ...{ database, config, serverName, key, clock, randomness, timers, outgoing, dns, transport },
    signatureChecks,
  });
  return {
    clock,
    randomness,
    opaque: (length: number) => randomness.opaque(length),
    timers,
    rules: overrides.rules ?? ROOM_RULES,
    log: overrides.log,
    serverName,
    key,
    limiter: createLimiter(config, clock),
    outgoing,
    mailer,
    links,
    /** Closes the connections to others. */
    async close(): Promise<void> {
      await outgoing.close();
      await links.transport.close();
      await mailer.close();
    },
  };
}

/** What `createFoundations` puts together. */
export type Foundations = Awaited<ReturnType<typeof createFoundations>>;

function createLimiter(
  config: Config,
  clock: Clock,
): RateLimiter<LimitName | 'failedLogin' | 'fetchedMedia' | 'lookup'> {
  const { limits } = config;
  const rate = (one: { per_second: number; burst: number }) => ({
    perSecond: one.per_second,
    burst: one.burst,
  });
  if (!limits.enabled) return new RateLimiter({}, () => clock.now());
  return new RateLimiter(
    {
      message: rate(limits.message),
      join: rate(limits.join),
      invite: rate(limits.invite),
      membership: rate(limits.membership),
      media: rate(limits.media),
      fetchedMedia: rate(limits.fetched_media),
      createRoom: rate(limits.create_room),
      registration: rate(limits.registration),
      login: rate(limits.login),
      token: rate(limits.token),
      identity: rate(limits.identity),
      lookup: rate(limits.lookup),
      server: rate(limits.server),
      failedLogin: rate(limits.failed_login),
    },
    () => clock.now(),
  );
}

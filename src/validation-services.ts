import { randomInt } from 'node:crypto';
import { TextMessages } from './accounts/threepids/text-messages.ts';
import { ThreepidValidation, type ValidationNeeds } from './accounts/threepids/threepid-validation.ts';
import { linkBaseUrl } from './platform/config/public-base-url.ts';
import type { Config } from './platform/config/schema.ts';
import type { Mailer } from './platform/mailer.ts';
import type { OutgoingHttp } from './platform/outgoing-http.ts';
import { RateLimiter } from './platform/rate-limiter.ts';
import { MatrixError } from './protocol/matrix-error.ts';
import type { Database } from './storage/database.ts';

/** Mails and messages to one address: a few at once, then one in five minutes. */
const SENDING = { perSecond: 1 / 300, burst: 5 };

/** What the validation of identifiers needs of the rest, whoever it is for. */
export interface ValidationWiring {
  readonly database: Database;
  readonly config: Config;
  readonly serverName: string;
  readonly clock: { now(): number };
  readonly opaque: (length: number) => string;
  readonly outgoing: OutgoingHttp;
  readonly mailer: Mailer;
  readonly onSendingFailed: (error: unknown) => void;
}

/** Puts together what finds out whether people have the addresses that they say. */
export function createValidation(
  wiring: ValidationWiring,
  ways: Pick<ValidationNeeds, 'couldNotSend' | 'provenAt'>,
): ThreepidValidation {
  const { config, clock, serverName } = wiring;
  const { sms_url: url, sms_token: token, token_lifetime: lifetime } = config.threepids;
  return new ThreepidValidation({
    ...{ database: wiring.database, mailer: wiring.mailer, serverName, clock, opaque: wiring.opaque },
    texts: new TextMessages(wiring.outgoing, { url, token }),
    baseUrl: linkBaseUrl(config, serverName),
    lifetimeMs: lifetime * 1000,
    digits: (count) => String(randomInt(10 ** count)).padStart(count, '0'),
    allowSending: sendingLimit(config, clock),
    onSendingFailed: wiring.onSendingFailed,
    ...ways,
  });
}

/** Throws 429 when enough was sent to an address. */
export function sendingLimit(config: Config, clock: { now(): number }): (address: string) => void {
  const limiter = new RateLimiter(config.limits.enabled ? { sending: SENDING } : {}, () => clock.now());
  return (address) => {
    const waitMs = limiter.take('sending', address);
    if (waitMs === undefined) return;
    const extra = { retry_after_ms: Math.ceil(waitMs) };
    throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Enough was sent to this address: wait a while', extra);
  };
}

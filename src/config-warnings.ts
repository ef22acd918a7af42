import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Config } from './platform/config/schema.ts';

const DAY_MS = 86_400_000;
/** A certificate that was not renewed so many days before its end will hardly be renewed by itself. */
const SOON_DAYS = 14;

/**
 * What of a configuration a server starts with and that will hardly be meant: a line for each, with the option. The files that it
 * names must have been found usable.
 *
 * @param now milliseconds since the epoch.
 */
export function configWarnings(config: Config, now: number): string[] {
  const { enabled, requires_token: requiresToken, tokens } = config.registration;
  const { certificate_file: file } = config.federation;
  const warnings: string[] = [];
  if (enabled && requiresToken && tokens.length === 0) {
    warnings.push(
      'registration.tokens: there are none, and registration.requires_token is set: nobody can register',
    );
  }
  const ofCertificate = file === '' ? undefined : certificateWarning(readFileSync(file), now);
  if (ofCertificate !== undefined) {
    warnings.push(`federation.certificate_file: ${file}: ${ofCertificate}`);
  }
  return warnings;
}

/** Of a chain, the first certificate is that of the server. */
function certificateWarning(chain: Buffer, now: number): string | undefined {
  const { validFrom, validTo } = new X509Certificate(chain);
  const [begins, ends] = [new Date(validFrom), new Date(validTo)];
  if (ends.getTime() <= now) return `expired at ${ends.toISOString()}: other servers refuse it`;
  if (begins.getTime() > now) return `is valid from ${begins.toISOString()} on: other servers refuse it`;
  if (ends.getTime() - now > SOON_DAYS * DAY_MS) return undefined;
  return `expires soon, at ${ends.toISOString()}`;
}

import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

/**
 * What outgoing TLS connections trust: the authorities that the runtime knows (NODE_EXTRA_CA_CERTS included), and those of
 * a file.
 *
 * @param file of certificates in PEM; empty for none.
 * @returns undefined where the runtime's own are enough.
 */
export function trustedAuthorities(file: string): SecureContext | undefined {
  if (file === '') return undefined;
  return createSecureContext({ ca: [...getCACertificates('default'), readFileSync(file, 'utf8')] });
}

import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

/** A certificate chain and its private key, as PEM files. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/**
 * What outgoing TLS connections trust: the authorities that the runtime knows (NODE_EXTRA_CA_CERTS included), and those of
 * a file.
 *
 * @param file of certificates in PEM; empty for none.
 * @param own what they show of themselves, where they show anything.
 * @returns undefined where the runtime's own are enough.
 * @throws Error when a file cannot be read or used.
 */
export function trustedAuthorities(file: string, own?: CertificateFiles): SecureContext | undefined {
  if (file === '' && own === undefined) return undefined;
  const ca = file === '' ? {} : { ca: [...getCACertificates('default'), readFileSync(file, 'utf8')] };
  const shown =
    own === undefined
      ? {}
      : { cert: readFileSync(own.certificate, 'utf8'), key: readFileSync(own.key, 'utf8') };
  return createSecureContext({ ...ca, ...shown });
}

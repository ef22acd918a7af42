import { BackOff } from './federation/back-off.ts';
import { ServerResolution } from './federation/discovery/server-resolution.ts';
import { WellKnownServers } from './federation/discovery/well-known-servers.ts';
import { FederationClient } from './federation/federation-client.ts';
import { KeyFetcher } from './federation/keys/key-fetcher.ts';
import { OriginCertificates } from './federation/keys/origin-certificates.ts';
import { KeyRing } from './federation/keys/key-ring.ts';
import { OwnCertificate } from './federation/keys/own-certificate.ts';
import type { SignatureChecks } from './federation/keys/signature-checks.ts';
import { OwnKeys, parseOldKeys } from './federation/keys/own-keys.ts';
import { HttpsTransport } from './federation/transport/https-transport.ts';
import type { ServerTransport } from './federation/transport/server-transport.ts';
import type { Config } from './platform/config/schema.ts';
import { SystemDns, type Dns } from './platform/dns.ts';
import type { OutgoingHttp } from './platform/outgoing-http.ts';
import { drawFraction, type Randomness } from './platform/randomness.ts';
import type { Timers } from './platform/timers.ts';
import { trustedAuthorities } from './platform/trusted-authorities.ts';
import { serverName as parseName, type ServerName } from './protocol/identifiers.ts';
import type { SigningKey } from './protocol/signing.ts';
import type { Database } from './storage/database.ts';

/** What asking other servers takes. */
export interface LinkWiring {
  readonly database: Database;
  readonly config: Config;
  readonly serverName: ServerName;
  readonly key: SigningKey;
  readonly clock: { now(): number };
  readonly randomness: Randomness;
  readonly timers: Timers;
  readonly outgoing: OutgoingHttp;
  /** What a simulation puts in place of the real network. */
  readonly dns?: Dns | undefined;
  readonly transport?: ServerTransport | undefined;
  readonly signatureChecks?: SignatureChecks | undefined;
}

/** Puts together what finds other servers, asks them, and checks what they sign. */
export function createServerLinks(wiring: LinkWiring) {
  const { database, serverName, key, clock, outgoing, randomness, timers } = wiring;
  const { federation } = wiring.config;
  const draw = () => drawFraction(randomness);
  const backOff = new BackOff(
    { database, clock, draw },
    { firstMs: federation.retry_first * 1000, longestMs: federation.retry_longest * 1000 },
  );
  const context = () => (federation.present_certificate ? withCertificate(wiring.config) : outgoing.trust);
  const https = new HttpsTransport(outgoing.reach, context());
  const transport = wiring.transport ?? https;
  const dns = wiring.dns ?? new SystemDns();
  const resolution = new ServerResolution(new WellKnownServers(outgoing, clock), dns, draw);
  const client = new FederationClient({
    ...{ serverName, key, resolution, transport, backOff, timers },
    isHomeserverElsewhere: wiring.config.roles.every((role) => role === 'identity'),
  });
  const oldKeys = parseOldKeys(federation.old_keys);
  const ownKeys = new OwnKeys(serverName, key, oldKeys, clock);
  const ownCertificate = new OwnCertificate(federation.certificate_file);
  const notaries = federation.trusted_key_servers.map(parseName);
  const fetcher = new KeyFetcher({ client, database, clock, notaries });
  const own = { server: serverName, key, old: oldKeys };
  const keyRing = new KeyRing(database, fetcher, own, wiring.signatureChecks);
  return {
    ...{ backOff, transport, federationClient: client, ownKeys, ownCertificate, fetcher, keyRing },
    originCertificates: new OriginCertificates({ reader: database, resolution, source: https, clock }),
    /** Shows other servers the certificate as it is now. */
    renewCertificate: () => {
      if (federation.present_certificate) https.renew(context());
    },
  };
}

/** What connections to other servers trust and show, where they show this server's certificate. */
function withCertificate({ federation, outgoing }: Config) {
  const { certificate_file: certificate, private_key_file: key } = federation;
  if (certificate === '' || key === '') {
    throw new Error('federation.present_certificate needs certificate_file and private_key_file');
  }
  return trustedAuthorities(outgoing.ca_file, { certificate, key });
}

/** What `createServerLinks` puts together. */
export type ServerLinks = ReturnType<typeof createServerLinks>;

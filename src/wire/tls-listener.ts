import { hash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { RequestListener, Server } from 'node:http';
import { createServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { CertificateFiles } from '../platform/trusted-authorities.ts';

/** A second listener of the HTTP server, over TLS. */
export interface TlsListener {
  readonly port: number;
  readonly server: Server;
  /** Reads the certificate again, for connections made from now on. A broken one is not taken: the old one stays. */
  reload(): void;
  close(): Promise<void>;
}

/** Milliseconds between looks at whether the certificate was changed. */
const LOOK_MS = 30_000;
const KEEP_ALIVE_MS = 75_000;

/** What is told of the certificate that a listener shows. */
export interface CertificateEvents {
  /** The certificate was read again. */
  readonly onRenewed: () => void;
  /** A changed certificate cannot be used. */
  readonly onProblem: (error: unknown) => void;
}

/** The certificates that clients showed, by connection. */
const shown = new WeakMap<object, string>();

/**
 * The certificate that the other side of a connection showed and has the key of: SHA-256 of its DER in unpadded base64.
 * Undefined where it showed none. Whom it is of, and who says so, was not looked at.
 */
export function shownCertificate(connection: object): string | undefined {
  return shown.get(connection);
}

/**
 * Listens over TLS (1.2 and later) and hands requests on. The certificate is read again when its file has changed, within
 * half a minute, and at `reload`.
 *
 * @param at.asksClients whether clients are asked for a certificate of theirs, which they may leave out.
 * @throws Error when the files cannot be used at the start, or the address is taken.
 */
export async function listenTls(
  handler: RequestListener,
  at: { host: string; port: number; connections: number; asksClients: boolean },
  files: CertificateFiles,
  { onRenewed, onProblem }: CertificateEvents,
): Promise<TlsListener> {
  const asking = at.asksClients ? { requestCert: true, rejectUnauthorized: false } : {};
  const server: TlsServer = createServer({ minVersion: 'TLSv1.2', ...asking, ...read(files) }, handler);
  if (at.asksClients) {
    server.on('secureConnection', (connection) => {
      // It is an empty object where nothing was shown.
      const { raw } = connection.getPeerCertificate() as { raw?: Buffer };
      if (raw) shown.set(connection, hash('sha256', raw, 'base64').replace(/=+$/, ''));
    });
  }
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = at.connections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, resolve);
  });
  let changedAt = newest(files);
  const reload = () => {
    try {
      const context = { minVersion: 'TLSv1.2', ...read(files) } as const;
      createSecureContext(context);
      server.setSecureContext(context);
      onRenewed();
    } catch (error) {
      onProblem(error);
    }
  };
  const timer = setInterval(() => {
    const changed = newest(files);
    if (changed === changedAt) return;
    changedAt = changed;
    reload();
  }, LOOK_MS);
  timer.unref();
  return {
    port: (server.address() as AddressInfo).port,
    server,
    reload,
    close: () => {
      clearInterval(timer);
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function read(files: CertificateFiles): { cert: string; key: string } {
  return { cert: readFileSync(files.certificate, 'utf8'), key: readFileSync(files.key, 'utf8') };
}

/** When one of the files was last changed; 0 where they are not there just now. */
function newest(files: CertificateFiles): number {
  try {
    return Math.max(statSync(files.certificate).mtimeMs, statSync(files.key).mtimeMs);
  } catch {
    return 0;
  }
}

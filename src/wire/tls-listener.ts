import { readFileSync, statSync } from 'node:fs';
import type { RequestListener, Server } from 'node:http';
import { createServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';

/** Where a certificate and its key are, both PEM. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

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

/**
 * Listens over TLS (1.2 and later) and hands requests on. The certificate is read again when its file has changed, within
 * half a minute, and at `reload`.
 *
 * @param onProblem told when a changed certificate cannot be used.
 * @throws Error when the files cannot be used at the start, or the address is taken.
 */
export async function listenTls(
  handler: RequestListener,
  at: { host: string; port: number; connections: number },
  files: CertificateFiles,
  onProblem: (error: unknown) => void,
): Promise<TlsListener> {
  const server: TlsServer = createServer({ minVersion: 'TLSv1.2', ...read(files) }, handler);
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

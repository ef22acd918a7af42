import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { addOperationalRoutes } from './operational-routes.ts';
import { publicBaseUrl } from './platform/config/public-base-url.ts';
import type { Config } from './platform/config/schema.ts';
import { createLog } from './platform/log.ts';
import { Metrics } from './platform/metrics.ts';
import type { Database } from './storage/database.ts';
import { WatchedDatabase } from './storage/watched-database.ts';
import type { AnyDeclaration } from './wire/endpoint.ts';
import { answerTheRest, collectRoutes, countRequests, createHttpServer, handOn } from './wire/http-server.ts';
import { listenTls, type CertificateEvents, type TlsListener } from './wire/tls-listener.ts';

import { createFoundations, type Foundations, type Overrides } from './foundations.ts';
import { startHomeserver, type Homeserver } from './homeserver.ts';
import { startIdentityServer, type IdentityServer } from './identity-server.ts';
import type { Services } from './services.ts';
import {
  assertFilesUsable,
  blamed,
  openConfiguredDatabase,
  reserveConfiguredDatabase,
} from './usable-files.ts';

/** Requests that are not answered this long after the server began to stop are cut off. */
const LATEST_MS = 5_000;

/** A server that answers. */
export interface RunningServer {
  /** Where it listens, such as `http://127.0.0.1:8008`. */
  readonly url: string;
  /** The port on which other servers are answered over TLS; undefined where there is no certificate. */
  readonly tlsPort: number | undefined;
  /** Those of the homeserver; reading them fails where there is none. */
  readonly services: Services;
  /** Its endpoints, as data. */
  readonly declarations: readonly AnyDeclaration[];
  /** Reads the TLS certificate again. */
  reloadCertificate(): void;
  /** Gives back memory that holds only what can be read again; for when there is nothing to do. */
  releaseMemory(): void;
  /** Answers waiting syncs, commits what was begun, and ends. */
  close(): Promise<void>;
}

/**
 * Starts a server and resolves when it answers.
 *
 * @throws Error when it cannot, naming the option or file and why, such as an address that is taken; nothing stays open then.
 */
export async function startServer(config: Config, overrides: Overrides = {}): Promise<RunningServer> {
  assertFilesUsable(config);
  const release = await reserveConfiguredDatabase(config);
  try {
    const database = await openConfiguredDatabase(config);
    try {
      return await serveFrom(database, config, overrides, release);
    } catch (error) {
      await database.close();
      throw error;
    }
  } catch (error) {
    release();
    throw error;
  }
}

async function serveFrom(
  database: Database,
  config: Config,
  overrides: Overrides,
  release: () => void,
): Promise<RunningServer> {
  const built = await buildServer(database, config, overrides);
  const { app, log, homeserver, identity } = built;
  const underWay = countRequests(app);
  const stop = async (tls: TlsListener | undefined) => {
    built.stopping.abort();
    await closeHttp(app, tls, underWay);
    await identity?.stop();
    await homeserver?.stop();
    await built.foundations.close();
  };
  const certificate: CertificateEvents = {
    onRenewed: built.foundations.links.renewCertificate,
    onProblem: (error) =>
      log.error({ err: error }, 'the changed certificate cannot be used; the old one stays'),
  };
  const listen = async () => {
    const { host, port } = config.listen;
    const url = await blamed('listen.port', app.listen({ host, port }));
    return { url, tls: await blamed('federation.port', listenForServers(app, config, certificate)) };
  };
  const { url, tls } = await listen().catch(async (error: unknown) => {
    await stop(undefined);
    throw error;
  });
  return {
    url,
    tlsPort: tls?.port,
    get services() {
      if (homeserver) return homeserver.services;
      throw new Error('This process has no role of a homeserver');
    },
    declarations: [...(homeserver?.declarations ?? []), ...(identity?.declarations ?? [])],
    reloadCertificate: () => (tls ? tls.reload() : renew(certificate)),
    releaseMemory: () => database.releaseMemory(),
    async close() {
      await stop(tls);
      await database.close();
      release();
    },
  };
}

/** A server that is put together and works, but does not listen. */
export interface BuiltServer {
  readonly app: FastifyInstance;
  readonly log: Logger;
  readonly foundations: Foundations;
  /** Undefined where the process has no role of one. */
  readonly homeserver: Homeserver | undefined;
  /** The same. */
  readonly identity: IdentityServer | undefined;
  /** To be aborted first when the server stops. */
  readonly stopping: AbortController;
}

/** Puts a server together on a database. */
export async function buildServer(
  opened: Database,
  config: Config,
  overrides: Overrides,
): Promise<BuiltServer> {
  const log = overrides.log ?? createLog(config.log.level);
  const database = new WatchedDatabase(opened, (failure, error) =>
    log.error({ failure, err: error }, 'the database does not work'),
  );
  const foundations = await createFoundations(config, database, { ...overrides, log });
  const stopping = new AbortController();
  const metrics = new Metrics();
  const app = createHttpServer({
    bodyLimit: config.limits.body_bytes,
    connections: config.limits.connections,
    trustProxy: config.listen.trust_proxy,
    log,
  });
  const routes = collectRoutes(app);
  const wiring = {
    ...{ limiter: foundations.limiter, metrics, stopping: stopping.signal },
    unsynced: () => database.unsynced(),
    publicBaseUrl: publicBaseUrl(config),
  };
  const needs = { config, database, foundations, wiring, metrics, log };
  const isHomeserver = config.roles.some((role) => role !== 'identity');
  const homeserver = isHomeserver ? await startHomeserver(app, needs) : undefined;
  const identity = config.roles.includes('identity')
    ? await startIdentityServer(app, { ...needs, onBindHere: homeserver?.onBind })
    : undefined;
  addOperationalRoutes(app, config, { metrics, database });
  answerTheRest(app, routes);
  return { app, log, foundations, homeserver, identity, stopping };
}

/** What is shown to servers that are asked is read again where no listener does it. */
function renew({ onRenewed, onProblem }: CertificateEvents): void {
  try {
    onRenewed();
  } catch (error) {
    onProblem(error);
  }
}

/** Cuts connections once nothing is under way on any: clients keep them open, or open them and never ask anything. */
async function closeHttp(
  app: FastifyInstance,
  tls: TlsListener | undefined,
  underWay: () => number,
): Promise<void> {
  const end = performance.now() + LATEST_MS;
  const closing = Promise.all([app.close(), tls?.close()]);
  const timer = setInterval(() => {
    if (underWay() > 0 && performance.now() < end) return;
    app.server.closeAllConnections();
    tls?.server.closeAllConnections();
  }, 10);
  await closing;
  clearInterval(timer);
}

/**
 * Answers other servers, and who asks the identity service, over TLS, where there is a certificate; else a reverse proxy does
 * that for us.
 */
async function listenForServers(
  app: FastifyInstance,
  config: Config,
  events: CertificateEvents,
): Promise<TlsListener | undefined> {
  const { enabled, host, port, certificate_file: certificate, private_key_file: key } = config.federation;
  const asksClients = config.federation.check_certificates;
  const isAsked = config.roles.includes('identity') || (enabled && config.roles.includes('federation'));
  if (!isAsked || certificate === '') return undefined;
  return listenTls(
    handOn(app),
    { host, port, connections: config.limits.connections, asksClients },
    { certificate, key },
    events,
  );
}

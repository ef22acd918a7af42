import type { RequestListener } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { accountEndpoints } from './api/client/account-endpoints.ts';
import { discoveryEndpoints } from './api/client/discovery-endpoints.ts';
import { legacyAccountEndpoints } from './api/legacy/account/legacy-account-endpoints.ts';
import { oauthEndpoints } from './api/oauth/oauth-endpoints.ts';
import { encryptionEndpoints } from './api/client/encryption-endpoints.ts';
import { mediaEndpoints } from './api/client/media-endpoints.ts';
import { moduleEndpoints } from './api/client/module-endpoints.ts';
import { delayedEventEndpoints } from './api/client/delayed-event-endpoints.ts';
import { peopleEndpoints } from './api/client/people-endpoints.ts';
import { jsonRendezvousEndpoints } from './api/client/rendezvous/json-rendezvous.ts';
import { textRendezvousEndpoints } from './api/client/rendezvous/text-rendezvous.ts';
import { roomEndpoints } from './api/client/room-endpoints.ts';
import { threepidEndpoints } from './api/client/threepid-endpoints.ts';
import { federationEndpoints } from './api/federation/federation-endpoints.ts';
import { addOperationalRoutes } from './operational-routes.ts';
import type { Config } from './platform/config/schema.ts';
import { createLog } from './platform/log.ts';
import { Metrics } from './platform/metrics.ts';
import type { Database } from './storage/database.ts';
import { openDatabase } from './storage/open-database.ts';
import { fallbackPages } from './web/fallback-page.ts';
import { loginPages } from './web/login-page.ts';
import { accountForms } from './web/account/account-forms.ts';
import { accountPages } from './web/account/account-page.ts';
import { registerPages } from './web/account/register-page.ts';
import { signInPages } from './web/account/sign-in-page.ts';
import { authorizePages } from './web/oauth/authorize-page.ts';
import { devicePages } from './web/oauth/device-page.ts';
import { oauth2LoginPages } from './web/legacy/oauth2-login-page.ts';
import { continuePages } from './web/sso/continue-page.ts';
import { providerPages } from './web/sso/provider-pages.ts';
import { redirectPages } from './web/sso/redirect-page.ts';
import { unsubscribePages } from './web/unsubscribe-page.ts';
import { validationPages } from './web/validation-page.ts';
import type { AnyDeclaration } from './wire/endpoint.ts';
import { answerTheRest, collectRoutes, countRequests, createHttpServer } from './wire/http-server.ts';
import { registerEndpoints } from './wire/register-endpoints.ts';
import { listenTls, type TlsListener } from './wire/tls-listener.ts';

import { createServices, databaseLocation, type Overrides, type Services } from './services.ts';

/** Requests that are not answered this long after the server began to stop are cut off. */
const LATEST_MS = 5_000;

/** A server that answers. */
export interface RunningServer {
  /** Where it listens, such as `http://127.0.0.1:8008`. */
  readonly url: string;
  /** The port on which other servers are answered over TLS; undefined where there is no certificate. */
  readonly tlsPort: number | undefined;
  readonly services: Services;
  /** Its endpoints, as data. */
  readonly declarations: readonly AnyDeclaration[];
  /** Reads the TLS certificate again. */
  reloadCertificate(): void;
  /** Answers waiting syncs, commits what was begun, and ends. */
  close(): Promise<void>;
}

/**
 * Starts a server and resolves when it answers.
 *
 * @throws Error when it cannot, such as for an address that is taken; nothing stays open then.
 */
export async function startServer(config: Config, overrides: Overrides = {}): Promise<RunningServer> {
  const database = await openDatabase(databaseLocation(config));
  try {
    return await serveFrom(database, config, overrides);
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function serveFrom(database: Database, config: Config, overrides: Overrides): Promise<RunningServer> {
  const log = overrides.log ?? createLog(config.log.level);
  const services = await createServices(config, database, { ...overrides, log });
  const stopping = new AbortController();
  const metrics = new Metrics();
  const app = createHttpServer({
    bodyLimit: config.limits.body_bytes,
    trustProxy: config.listen.trust_proxy,
    log,
  });
  const underWay = countRequests(app);
  const routes = collectRoutes(app);
  const wiring = {
    authenticate: services.sessions.authenticate.bind(services.sessions),
    isAppserviceToken: (token: string) => services.appservices.byToken(token) !== undefined,
    authenticateServer: services.serverAuthentication.authenticate.bind(services.serverAuthentication),
    limiter: services.limiter,
    metrics,
    stopping: stopping.signal,
    publicBaseUrl: services.wellKnown.baseUrl?.replace(/\/+$/, ''),
  };
  const declarations = await registerEndpoints(
    app,
    [
      ...accountEndpoints,
      ...roomEndpoints,
      ...moduleEndpoints,
      ...discoveryEndpoints,
      ...encryptionEndpoints,
      ...mediaEndpoints,
      ...threepidEndpoints,
      ...validationPages,
      ...unsubscribePages,
      ...fallbackPages,
      ...loginPages,
      ...oauthEndpoints,
      ...legacyAccountEndpoints,
      ...oauth2LoginPages,
      ...jsonRendezvousEndpoints,
      ...textRendezvousEndpoints,
      ...signInPages,
      ...providerPages,
      ...redirectPages,
      ...continuePages,
      ...registerPages,
      ...authorizePages,
      ...devicePages,
      ...accountPages,
      ...accountForms,
      ...peopleEndpoints,
      ...delayedEventEndpoints,
      ...(config.federation.enabled ? federationEndpoints : []),
    ],
    services,
    wiring,
  );
  await services.appserviceSender.start();
  services.reports.onReport((report) => log.warn({ report }, 'something was reported'));
  services.roomSuccession.start((error) => log.error({ err: error }, 'settings could not follow a room'));
  await services.pushDispatch.start((error) => log.error({ err: error }, 'something could not be pushed'));
  services.delayedEvents.start((error) => log.error({ err: error }, 'a delayed event could not be sent'));
  await services.partialRooms.load();
  if (config.federation.enabled) {
    services.federationSender.start();
    services.remoteDeviceLists.start();
    services.stateCompletion.start();
  }
  services.searchIndex.start((error) => log.error({ err: error }, 'messages could not be indexed'));
  services.mediaSweep.start((error) => log.error({ err: error }, 'old media could not be removed'));
  addOperationalRoutes(app, config, { metrics, database, services });
  answerTheRest(app, routes);
  const url = await app.listen({ host: config.listen.host, port: config.listen.port });
  const tls = await listenForServers(app, config, log);
  return {
    url,
    tlsPort: tls?.port,
    services,
    declarations,
    reloadCertificate: () => tls?.reload(),
    async close() {
      stopping.abort();
      await closeHttp(app, tls, underWay);
      services.notifier.close();
      await services.delayedEvents.stop();
      services.remoteDeviceLists.stop();
      await services.stateCompletion.stop();
      await services.federationSender.stop();
      await services.roomSuccession.stop();
      await services.pushDispatch.stop();
      await services.sessions.flush();
      await services.appserviceSender.stop();
      await services.appserviceHttp.close();
      await services.outgoing.close();
      await services.transport.close();
      await services.mailer.close();
      await services.searchIndex.stop();
      await services.mediaSweep.stop();
      await services.closeBlobs();
      await database.close();
    },
  };
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

/** Answers other servers over TLS, where there is a certificate; else a reverse proxy does that for us. */
async function listenForServers(
  app: FastifyInstance,
  config: Config,
  log: Logger,
): Promise<TlsListener | undefined> {
  const { enabled, host, port, certificate_file: certificate, private_key_file: key } = config.federation;
  if (!enabled || certificate === '') return undefined;
  const handle: RequestListener = (request, response) => void app.server.emit('request', request, response);
  return listenTls(handle, { host, port }, { certificate, key }, (error) => {
    log.error({ err: error }, 'the changed certificate cannot be used; the old one stays');
  });
}

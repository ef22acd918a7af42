import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { accountEndpoints } from './api/client/account-endpoints.ts';
import { discoveryEndpoints } from './api/client/discovery-endpoints.ts';
import { legacyAccountEndpoints } from './api/legacy/account/legacy-account-endpoints.ts';
import { legacyAppserviceEndpoints } from './api/legacy/application-services/uri-mapping.ts';
import { v1Endpoints } from './api/legacy/v1/v1-endpoints.ts';
import { v2Endpoints } from './api/legacy/v2/v2-endpoints.ts';
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
import { addFirstRunPage, watchHomeserver } from './operational-routes.ts';
import type { Config } from './platform/config/schema.ts';
import type { JsonValue } from './protocol/json.ts';
import type { Metrics } from './platform/metrics.ts';
import type { Foundations } from './foundations.ts';
import { createServices, type Services } from './services.ts';
import type { Database } from './storage/database.ts';
import type { AnyDeclaration } from './wire/endpoint.ts';
import type { HomeserverCallers } from './wire/callers.ts';
import { registerEndpoints, type Wiring } from './wire/register-endpoints.ts';

/** What clients and people are answered by. */
const CLIENT_ENDPOINTS = [
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
  ...legacyAppserviceEndpoints,
  ...v1Endpoints,
  ...v2Endpoints,
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
];

/** The homeserver of a process, at work. */
export interface Homeserver {
  readonly services: Services;
  readonly declarations: readonly AnyDeclaration[];
  /** Takes what an identity service in the same process has to tell (`3pid/onbind`). */
  readonly onBind: (invites: readonly JsonValue[]) => Promise<void>;
  /** Ends what is under way and begins nothing else. */
  stop(): Promise<void>;
}

/** Makes the homeserver answer, as far as the roles of the process say, and begins what it does in the background. */
export async function startHomeserver(
  app: FastifyInstance,
  needs: {
    readonly config: Config;
    readonly database: Database;
    readonly foundations: Foundations;
    readonly wiring: Wiring;
    readonly metrics: Metrics;
    readonly log: Logger;
  },
): Promise<Homeserver> {
  const { config, database, foundations, log } = needs;
  const services = await createServices(config, database, foundations);
  const answersServers = config.federation.enabled && config.roles.includes('federation');
  const endpoints = [
    ...(config.roles.includes('client') ? CLIENT_ENDPOINTS : []),
    ...(answersServers ? federationEndpoints : []),
  ];
  const wiring = { ...needs.wiring, homeserver: callersOf(services), news: services.laterNews };
  const declarations = await registerEndpoints<Services>(app, endpoints, services, wiring);
  await services.appserviceSender.start();
  services.reports.onReport((report) => log.warn({ report }, 'something was reported'));
  services.roomSuccession.start((error) => log.error({ err: error }, 'settings could not follow a room'));
  await services.pushDispatch.start((error) => log.error({ err: error }, 'something could not be pushed'));
  services.delayedEvents.start((error) => log.error({ err: error }, 'a delayed event could not be sent'));
  services.retention.start((error) => log.error({ err: error }, 'old messages could not be removed'));
  await services.partialRooms.load();
  if (config.federation.enabled) {
    services.federationSender.start();
    services.eventReceiver.start();
    services.remoteDeviceLists.start();
    services.deviceListsOnJoin.start();
    services.stateCompletion.start();
  }
  services.accountClosing.start((error) =>
    log.error({ err: error }, 'a closed account could not leave its rooms yet'),
  );
  services.searchIndex.start((error) => log.error({ err: error }, 'messages could not be indexed'));
  services.mediaSweep.start((error) => log.error({ err: error }, 'old media could not be removed'));
  if (await services.serverNotices.isSenderTaken()) {
    log.error(
      'somebody can log in as the user who sends server notices: none are sent until that account is closed',
    );
  }
  watchHomeserver(needs.metrics, services);
  if (config.roles.includes('client')) addFirstRunPage(app, config);
  return {
    services,
    declarations,
    onBind: (invites) => services.thirdPartyExchange.onBind(invites),
    async stop() {
      services.notifier.close();
      await services.delayedEvents.stop();
      await services.accountClosing.stop();
      await services.retention.stop();
      services.remoteDeviceLists.stop();
      services.deviceListsOnJoin.stop();
      services.eventReceiver.stop();
      await services.stateCompletion.stop();
      await services.authChains.stop();
      await services.federationSender.stop();
      await services.roomSuccession.stop();
      await services.pushDispatch.stop();
      await services.sessions.flush();
      await services.appserviceSender.stop();
      await services.appserviceHttp.close();
      await services.searchIndex.stop();
      await services.mediaSweep.stop();
      await services.closeBlobs();
    },
  };
}

function callersOf(services: Services): HomeserverCallers {
  return {
    authenticate: services.sessions.authenticate.bind(services.sessions),
    isAppserviceToken: (token) => services.appservices.byToken(token) !== undefined,
    authenticateServer: services.serverAuthentication.authenticate.bind(services.serverAuthentication),
  };
}

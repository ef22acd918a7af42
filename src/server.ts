import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import { createAccountServices } from './account-services.ts';
import { createAppserviceServices } from './appservice-services.ts';
import { accountEndpoints } from './api/client/account-endpoints.ts';
import { discoveryEndpoints } from './api/client/discovery-endpoints.ts';
import type { WellKnown } from './api/client/discovery/well-known.ts';
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
import { createFederationServices } from './federation-services.ts';
import type { ServerTransport } from './federation/transport/server-transport.ts';
import { createContentRepository } from './modules/content-repository/index.ts';
import { createModules } from './modules/index.ts';
import { addOperationalRoutes } from './operational-routes.ts';
import { systemClock, type Clock } from './platform/clock.ts';
import type { Config } from './platform/config/schema.ts';
import type { Dns } from './platform/dns.ts';
import { createLog } from './platform/log.ts';
import { Mailer } from './platform/mailer.ts';
import { Metrics } from './platform/metrics.ts';
import { OutgoingHttp } from './platform/outgoing-http.ts';
import { systemRandomness, type Randomness } from './platform/randomness.ts';
import { RateLimiter } from './platform/rate-limiter.ts';
import { loadSigningKey } from './platform/signing-key-file.ts';
import { serverName as parseName, userId, type UserId } from './protocol/identifiers.ts';
import type { JsonObject } from './protocol/json.ts';
import { createPushServices } from './push-services.ts';
import { createRoomServices } from './room-services.ts';
import { InviteRules } from './rooms/invitations.ts';
import { EventSigner } from './rooms/event-signer.ts';
import { systemTimers, type Timers } from './platform/timers.ts';
import { trustedAuthorities } from './platform/trusted-authorities.ts';
import type { Database } from './storage/database.ts';
import { openDatabase, type DatabaseLocation } from './storage/open-database.ts';
import { RecentChanges } from './storage/recent-changes.ts';
import { UnitOfWork } from './storage/unit-of-work.ts';
import * as registrationTokensStore from './storage/registration-tokens-store.ts';
import { EventStream, RoomSnapshots } from './sync/event-stream/index.ts';
import { LazyMembers } from './sync/lazy-members.ts';
import { Notifier } from './sync/notifier.ts';
import { RoomSummaries } from './sync/room-summary.ts';
import { createSlidingSync } from './sync/sliding-sync/create-sliding-sync.ts';
import { SyncService } from './sync/sync-service.ts';
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
import type { AnyDeclaration, LimitName } from './wire/endpoint.ts';
import { answerTheRest, collectRoutes, countRequests, createHttpServer } from './wire/http-server.ts';
import { registerEndpoints, tooManyRequests } from './wire/register-endpoints.ts';
import { listenTls, type TlsListener } from './wire/tls-listener.ts';

const MIB = 1024 * 1024;
/** What the server calls itself to other servers. */
const SOFTWARE = { name: 'Myelin', version: manifest.version };
/** Requests that are not answered this long after the server began to stop are cut off. */
const LATEST_MS = 5_000;

/** What tests may put in place of the real thing. */
export interface Overrides {
  readonly clock?: Clock;
  readonly randomness?: Randomness;
  readonly log?: Logger;
  readonly dns?: Dns;
  readonly transport?: ServerTransport;
  readonly timers?: Timers;
}

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

export type Services = Awaited<ReturnType<typeof createServices>>;

/** Where a configuration keeps its database. */
export function databaseLocation(config: Config): DatabaseLocation {
  const { engine, url, pool_size: poolSize } = config.database;
  if (engine === 'postgres') return { engine, url, poolSize };
  return { engine, path: join(config.data_dir, 'myelin.db') };
}

/** Builds the parts of a server on an open database and hands each what it needs. */
export async function createServices(config: Config, database: Database, overrides: Overrides = {}) {
  const clock = overrides.clock ?? systemClock;
  const randomness = overrides.randomness ?? systemRandomness;
  const opaque = (length: number) => randomness.opaque(length);
  const serverName = parseName(config.server_name);
  const key = loadSigningKey(join(config.data_dir, 'signing.key'), randomness);
  const signer = new EventSigner(serverName, key, () => opaque(18));
  const limiter = createLimiter(config, clock);
  const allowAttempt = (account: string) => {
    const waitMs = limiter.take('failedLogin', account);
    if (waitMs !== undefined) throw tooManyRequests(waitMs);
  };

  const outgoing = new OutgoingHttp({
    allowedRanges: config.outgoing.allowed_ranges,
    trust: trustedAuthorities(config.outgoing.ca_file),
  });
  const mailer = new Mailer({ smtpUrl: config.mail.smtp_url, from: config.mail.from });
  const recent = new RecentChanges(database);
  const accounts = createAccountServices({
    ...{ database, config, serverName, clock, opaque, allowAttempt, outgoing, mailer, key },
    onProviderFailed: (provider, reason) =>
      overrides.log?.warn({ provider, reason }, 'an identity provider did not answer as it should'),
    onSendingFailed: (error) => overrides.log?.error({ err: error }, 'a token could not be sent'),
  });
  const noticesUser = userId(`@${config.server_notices.localpart}:${serverName}`);
  const invites = new InviteRules({
    serverName,
    noticesUser,
    permission: (invited, inviter) => modules.invitePermissions.of(invited, inviter),
  });
  const rooms = createRoomServices({
    appservices: accounts.appservices,
    invites,
    policy: { sign: (...event) => federation.policyServers.sign(...event) },
    remote: {
      join: (wish) => federation.remoteMembership.join(wish),
      knock: (wish) => federation.remoteMembership.knock(wish),
      leave: (wish) => federation.remoteMembership.leave(wish),
      invite: (...invite) => federation.remoteMembership.invite(...invite),
    },
    remoteHistory: {
      lacksHistory: (roomId) => federation.history.lacksHistory(roomId),
      fetchBefore: (roomId) => federation.history.fetchBefore(roomId),
      eventByTime: (...place) => federation.history.eventByTime(...place),
    },
    database,
    signer,
    clock,
    opaqueId: () => opaque(18),
    identity: accounts.identity,
    profileOf: (userId) => modules.profile.of(userId),
    ignoredUsers: (userId) => modules.ignoredUsers(userId),
    defaultVersion: config.rooms.default_version,
    eventCacheBytes: config.cache.events_mib * MIB,
    stateCacheBytes: config.cache.state_mib * MIB,
  });
  const onProblem = (error: unknown) =>
    overrides.log?.error({ err: error }, 'something went wrong with another server');
  const federation = createFederationServices({
    ...{ database, config, serverName, key, clock, randomness, outgoing },
    ...{ rooms, signer, invites },
    ...{ dns: overrides.dns, transport: overrides.transport, timers: overrides.timers },
    onProblem,
  });
  rooms.aliases.onElsewhere((alias) => federation.remoteQueries.directory(alias));
  const modules = createModules({
    database,
    recent,
    rooms: rooms.rooms,
    log: rooms.log,
    overviews: rooms.overviews,
    clock,
    serverName,
    presenceEnabled: config.presence.enabled,
    pushDefaults: { mentionsInText: config.push.mentions_in_text },
    timeline: rooms.timeline,
    visibility: rooms.visibility,
    aggregations: rooms.aggregations,
    clientEvents: rooms.clientEvents,
    turn: config.turn,
    sending: rooms.sending,
    creation: rooms.creation,
    changes: rooms.changes,
    notices: {
      noticesUser,
      displayName: config.server_notices.display_name,
      roomName: config.server_notices.room_name,
    },
    longestDelayMs: config.delayed_events.longest_ms,
    opaque,
    exchange: federation.eduExchange,
    client: federation.federationClient,
    remoteQueries: federation.remoteQueries,
    timers: overrides.timers ?? systemTimers,
    onProblem,
  });
  const applicationServices = createAppserviceServices({
    ...{ database, clock, randomness, accounts, rooms, modules },
    onError: (error) => overrides.log?.error({ err: error }, 'an application service could not be told'),
  });
  await accounts.appservices.makeSenders();
  const media = createContentRepository({
    ...{ database, clock, serverName, opaque, outgoing },
    client: federation.federationClient,
    dataDir: config.data_dir,
    config: config.media,
  });
  const push = createPushServices({
    ...{ database, config, serverName, clock, randomness, mailer, outgoing, recent, accounts, modules },
    ...{ rooms: rooms.rooms, log: rooms.log, outside: rooms.outside },
    onSendingFailed: (error) => overrides.log?.error({ err: error }, 'a mail could not be sent'),
    isInviteHidden: (invited, inviter) => invites.isHidden(invited, inviter),
  });
  modules.profile.onChanged((userId) => rooms.changes.refreshProfile(userId));
  accounts.accounts.onDevicesChanged((unit, userId, change) =>
    modules.deviceLists.announceDevices(unit, userId, change),
  );
  accounts.accounts.onDevicesChanged((unit, userId) => modules.accountData.forgetEndedDevices(unit, userId));
  accounts.registration.onCreated((unit, userId, name) => {
    modules.userDirectory.add(unit, userId);
    modules.userDirectory.rename(unit, userId, name);
  });
  accounts.accounts.onClosing((unit, userId) => modules.userDirectory.remove(unit, userId));
  accounts.accounts.onClosing((unit, userId) => modules.threadSubscriptions.forget(unit, userId));
  accounts.accounts.onDeactivated((userId) => rooms.changes.leaveAll(userId));

  const summaries = new RoomSummaries(database, rooms.timeline);
  const notifier = new Notifier(database, rooms.memberships);
  const syncWiring = {
    ...{ database, recent, notifier, clock, opaque },
    ignoredUsers: (userId: UserId) => modules.ignoredUsers(userId),
    isInviteHidden: (invited: UserId, inviter: UserId) => invites.isHidden(invited, inviter),
    needs: {
      ...rooms,
      ...modules,
      summaries,
      lazyMembers: new LazyMembers(),
      parts: modules.syncParts,
    },
  };
  const sync = new SyncService(syncWiring);
  await addRegistrationTokens(config, database);
  const { default_version: defaultRoomVersion } = config.rooms;
  const wellKnown = wellKnownOf(config);
  return {
    ...rooms,
    ...accounts,
    ...modules,
    ...media,
    ...push,
    ...applicationServices,
    ...federation,
    software: SOFTWARE,
    clock,
    opaque,
    limiter,
    outgoing,
    mailer,
    notifier,
    sync,
    eventStream: new EventStream({ ...syncWiring, directory: rooms.directory }),
    roomSnapshots: new RoomSnapshots({ ...syncWiring, directory: rooms.directory }),
    slidingSync: createSlidingSync(syncWiring),
    serverName,
    wellKnown,
    rtcTransports: config.calls.livekit_service_urls.map((url) => ({
      type: 'livekit',
      livekit_service_url: url,
    })),
    features: { 'org.matrix.msc4140': config.delayed_events.longest_ms > 0 },
    capabilities: { defaultRoomVersion, threepidChanges: config.threepids.allow_changes },
  };
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

function createLimiter(config: Config, clock: Clock): RateLimiter<LimitName | 'failedLogin'> {
  const { limits } = config;
  const rate = (one: { per_second: number; burst: number }) => ({
    perSecond: one.per_second,
    burst: one.burst,
  });
  if (!limits.enabled) return new RateLimiter({}, () => clock.now());
  return new RateLimiter(
    {
      message: rate(limits.message),
      join: rate(limits.join),
      invite: rate(limits.invite),
      membership: rate(limits.membership),
      media: rate(limits.media),
      createRoom: rate(limits.create_room),
      registration: rate(limits.registration),
      login: rate(limits.login),
      token: rate(limits.token),
      failedLogin: rate(limits.failed_login),
    },
    () => clock.now(),
  );
}

async function addRegistrationTokens(config: Config, database: Database): Promise<void> {
  if (config.registration.tokens.length === 0) return;
  const unit = new UnitOfWork();
  for (const token of config.registration.tokens) {
    registrationTokensStore.insert(unit, token, { uses: undefined, expiresAt: undefined });
  }
  await database.commit(unit);
}

function wellKnownOf(config: Config): WellKnown {
  const { support_email: email, support_matrix_id: matrixId, support_page: page } = config.well_known;
  const policyKey = config.well_known.policy_server_key;
  const contact: JsonObject = { role: 'm.role.admin' };
  if (email !== '') contact.email_address = email;
  if (matrixId !== '') contact.matrix_id = matrixId;
  const support: JsonObject = {};
  if (email !== '' || matrixId !== '') support.contacts = [contact];
  if (page !== '') support.support_page = page;
  return {
    baseUrl: config.public_base_url === '' ? undefined : config.public_base_url,
    server: config.well_known.server === '' ? undefined : config.well_known.server,
    support: Object.keys(support).length === 0 ? undefined : support,
    policyServer: policyKey === '' ? undefined : { public_keys: { ed25519: policyKey } },
  };
}

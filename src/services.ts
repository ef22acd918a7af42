import { join } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { createAccountServices, type AccountServices } from './account-services.ts';
import { ClientTransactions } from './accounts/client-transactions.ts';
import { createAppserviceServices } from './appservice-services.ts';
import type { WellKnown } from './api/client/discovery/well-known.ts';
import { createFederationServices } from './federation-services.ts';
import type { Foundations } from './foundations.ts';
import { createContentRepository } from './modules/content-repository/index.ts';
import { Erasure } from './modules/erasure/index.ts';
import { createModules, type ModuleWiring, type Modules } from './modules/index.ts';
import type { Clock } from './platform/clock.ts';
import type { Config } from './platform/config/schema.ts';
import { userId, type UserId } from './protocol/identifiers.ts';
import type { JsonObject } from './protocol/json.ts';
import { createPushServices } from './push-services.ts';
import { createRoomServices, type RoomServices } from './room-services.ts';
import { InviteRules } from './rooms/membership/invitations.ts';
import { EventSigner } from './rooms/appending/event-signer.ts';
import type { Database } from './storage/database.ts';
import { type DatabaseLocation } from './storage/open-database.ts';
import { LaterNews } from './storage/later-news.ts';
import { RecentChanges } from './storage/recent-changes.ts';
import { EventStream, RoomSnapshots } from './sync/event-stream/index.ts';
import { LazyMembers } from './sync/lazy-members.ts';
import { Notifier } from './sync/notifier.ts';
import { RoomSummaries } from './sync/room-summary.ts';
import { createSlidingSync } from './sync/sliding-sync/create-sliding-sync.ts';
import { SyncService } from './sync/sync-service.ts';
import { tooManyRequests } from './wire/register-endpoints.ts';

const MIB = 1024 * 1024;
/** What the server calls itself to other servers. */
const SOFTWARE = { name: 'Myelin', version: manifest.version };

/** All parts of a homeserver, by the names that endpoints ask for them by. */
export type Services = Awaited<ReturnType<typeof createServices>>;

/** Where a configuration keeps its database. */
export function databaseLocation(config: Config): DatabaseLocation {
  const { engine, url, pool_size: poolSize } = config.database;
  if (engine === 'postgres') return { engine, url, poolSize };
  return { engine, path: join(config.data_dir, 'myelin.db') };
}

/** Builds the parts of a server on an open database and hands each what it needs. */
export async function createServices(config: Config, database: Database, foundations: Foundations) {
  const { clock, randomness, opaque, serverName, key, limiter, outgoing, mailer, log } = foundations;
  const signer = new EventSigner(serverName, key, () => opaque(18));
  const allowAttempt = (account: string) => {
    const waitMs = limiter.take('failedLogin', account);
    if (waitMs !== undefined) throw tooManyRequests(waitMs);
  };

  const recent = new RecentChanges(database);
  const noticesUser = userId(`@${config.server_notices.localpart}:${serverName}`);
  const accounts = createAccountServices({
    ...{ database, config, serverName, noticesUser, clock, opaque, allowAttempt, outgoing, mailer, key },
    timers: foundations.timers,
    onProviderFailed: (provider, reason) =>
      log?.warn({ provider, reason }, 'an identity provider did not answer as it should'),
    onSendingFailed: (error) => log?.error({ err: error }, 'a token could not be sent'),
  });
  const invites = new InviteRules({
    serverName,
    noticesUser,
    permission: (invited, inviter) => modules.invitePermissions.of(invited, inviter),
  });
  const onProblem = (error: unknown) =>
    log?.error({ err: error }, 'something went wrong with another server');
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
      fetchBackTo: (...place) => federation.history.fetchBackTo(...place),
    },
    database,
    signer,
    ...{ clock, timers: foundations.timers, rules: foundations.rules },
    opaqueId: () => opaque(18),
    identity: accounts.identity,
    profileOf: (userId) => modules.profile.of(userId),
    ignoredUsers: (userId) => modules.ignoredUsers(userId),
    defaultVersion: config.rooms.default_version,
    eventCacheBytes: config.cache.events_mib * MIB,
    stateCacheBytes: config.cache.state_mib * MIB,
    onProblem,
  });
  const federation = createFederationServices({
    ...{ database, config, serverName, clock, randomness, outgoing },
    ...{ rooms, signer, invites, links: foundations.links, timers: foundations.timers },
    onProblem,
  });
  rooms.aliases.onElsewhere((alias) => federation.remoteQueries.directory(alias));
  const clientTransactions = new ClientTransactions(database, clock);
  const modules = createModules({
    database,
    sessions: accounts.sessions,
    recent,
    rooms: rooms.rooms,
    partialRooms: rooms.partialRooms,
    log: rooms.log,
    overviews: rooms.overviews,
    outside: rooms.outside,
    clock,
    serverName,
    presenceEnabled: config.presence.enabled,
    pushDefaults: { mentionsInText: config.push.mentions_in_text },
    timeline: rooms.timeline,
    states: rooms.states,
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
    clientTransactions,
    longestDelayMs: config.delayed_events.longest_ms,
    retention: retentionOf(config),
    opaque,
    exchange: federation.eduExchange,
    client: foundations.links.federationClient,
    remoteQueries: federation.remoteQueries,
    timers: foundations.timers,
    onProblem,
    onNotKept: (error) => log?.error({ err: error }, 'what a sync changes could not be kept for now'),
  });
  const applicationServices = createAppserviceServices({
    ...{ database, clock, timers: foundations.timers, randomness, accounts, rooms, modules },
    onError: (error) => log?.error({ err: error }, 'an application service could not be told'),
  });
  await accounts.appservices.makeSenders();
  const media = createContentRepository({
    ...{ database, clock, serverName, opaque, outgoing, limiter },
    client: foundations.links.federationClient,
    dataDir: config.data_dir,
    config: config.media,
  });
  const isInviteHidden = (invited: UserId, inviter: UserId) => invites.isHidden(invited, inviter);
  const push = createPushServices({
    ...{ database, config, serverName, clock, randomness, mailer, outgoing, recent, accounts, modules },
    ...{ rooms: rooms.rooms, log: rooms.log, outside: rooms.outside },
    onSendingFailed: (error) => log?.error({ err: error }, 'a mail could not be sent'),
    isInviteHidden,
  });
  tellEachOther({ database, accounts, rooms, modules });
  const { default_version: defaultRoomVersion } = config.rooms;
  const wellKnown = wellKnownOf(config);
  return {
    ...rooms,
    ...accounts,
    ...modules,
    ...media,
    ...push,
    ...applicationServices,
    ...foundations.links,
    ...federation,
    laterNews: new LaterNews(database),
    ...createSyncServices({ database, recent, clock, opaque, rooms, modules, isInviteHidden }),
    software: SOFTWARE,
    clock,
    opaque,
    limiter,
    outgoing,
    mailer,
    clientTransactions,
    serverName,
    wellKnown,
    rtcTransports: config.calls.livekit_service_urls.map((url) => ({
      type: 'livekit',
      livekit_service_url: url,
    })),
    features: { 'org.matrix.msc4140': config.delayed_events.longest_ms > 0 },
    capabilities: {
      defaultRoomVersion,
      threepidChanges: config.threepids.allow_changes,
      urlPreviews: config.media.url_previews,
    },
  };
}

/** Has accounts, rooms and modules act on what happens in one another. */
function tellEachOther(parts: {
  database: Database;
  accounts: AccountServices;
  rooms: RoomServices;
  modules: Modules;
}): void {
  const { database, accounts, rooms, modules } = parts;
  modules.profile.onChanged((userId) => rooms.changes.refreshProfile(userId));
  modules.profile.onChanged((userId) => modules.presence.retell(userId));
  accounts.accounts.onDevicesChanged((unit, userId, change) =>
    modules.deviceLists.announceDevices(unit, userId, change),
  );
  accounts.accounts.onDevicesChanged((unit, userId) => modules.accountData.forgetEndedDevices(unit, userId));
  accounts.newAccounts.onCreated((unit, userId, name) => {
    modules.userDirectory.add(unit, userId);
    modules.userDirectory.rename(unit, userId, name);
  });
  accounts.accounts.onClosing((unit, userId) => modules.userDirectory.remove(unit, userId));
  accounts.accounts.onClosing((unit, userId) => modules.threadSubscriptions.forget(unit, userId));
  accounts.accounts.onClosing((unit, userId) => modules.presenceLists.forget(unit, userId));
  const erasure = new Erasure({ database, rooms: rooms.rooms, presence: modules.presence });
  accounts.accountClosing.onClosed((userId) => erasure.finish(userId));
  accounts.accountClosing.onClosed((userId) => rooms.departures.leaveAll(userId));
}

/** Puts together what answers syncs, in each of their forms. */
function createSyncServices(wiring: {
  database: Database;
  recent: RecentChanges;
  clock: Clock;
  opaque: (length: number) => string;
  rooms: RoomServices;
  modules: Modules;
  isInviteHidden: (invited: UserId, inviter: UserId) => Promise<boolean>;
}) {
  const { database, recent, clock, opaque, rooms, modules, isInviteHidden } = wiring;
  const summaries = new RoomSummaries(database, rooms.states);
  const notifier = new Notifier(database, rooms.memberships);
  const syncWiring = {
    ...{ database, recent, notifier, clock, opaque },
    ignoredUsers: (userId: UserId) => modules.ignoredUsers(userId),
    isInviteHidden,
    needs: {
      ...rooms,
      ...modules,
      summaries,
      lazyMembers: new LazyMembers(),
      parts: modules.syncParts,
    },
  };
  return {
    notifier,
    sync: new SyncService(syncWiring),
    eventStream: new EventStream({ ...syncWiring, directory: rooms.directory }),
    roomSnapshots: new RoomSnapshots({ ...syncWiring, directory: rooms.directory }),
    slidingSync: createSlidingSync(syncWiring),
  };
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
    mapStyleUrl: config.well_known.map_style_url === '' ? undefined : config.well_known.map_style_url,
    support: Object.keys(support).length === 0 ? undefined : support,
    policyServer: policyKey === '' ? undefined : { public_keys: { ed25519: policyKey } },
  };
}

/** What the configuration says about the age of messages, in ms. */
function retentionOf({ retention }: Config): ModuleWiring['retention'] {
  const ms = (seconds: number) => (seconds === 0 ? undefined : seconds * 1_000);
  return {
    limits: {
      enabled: retention.enabled,
      defaultMaxMs: ms(retention.default_max_lifetime),
      leastMaxMs: ms(retention.least_max_lifetime),
      mostMaxMs: ms(retention.most_max_lifetime),
    },
    everyMs: retention.interval * 1_000,
  };
}

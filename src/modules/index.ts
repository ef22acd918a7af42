import type { Sessions } from '../accounts/sessions.ts';
import type { EduExchange } from '../federation/edu-exchange.ts';
import type { FederationClient } from '../federation/federation-client.ts';
import type { RemoteQueries } from '../federation/queries/remote-queries.ts';
import type { Timers } from '../platform/timers.ts';
import type { ServerName, UserId } from '../protocol/identifiers.ts';
import type { Aggregations } from '../rooms/relations/aggregations.ts';
import type { ClientEvents } from '../rooms/reading/client-events.ts';
import type { PushDefaults } from '../protocol/push/default-push-rules.ts';
import type { RoomCreation } from '../rooms/creation/create-room.ts';
import type { EventLog } from '../rooms/events/event-log.ts';
import type { MembershipChanges } from '../rooms/membership/membership-changes.ts';
import type { ClientTransactions } from '../accounts/client-transactions.ts';
import type { MessageSending } from '../rooms/appending/message-sending.ts';
import type { OutsideMemberships } from '../rooms/membership/outside-memberships.ts';
import type { RoomOverviews } from '../rooms/reading/room-overviews.ts';
import type { PartialRooms } from '../rooms/state/partial-rooms.ts';
import type { RoomReads } from '../rooms/reading/room-reads.ts';
import type { ShownStates } from '../rooms/reading/shown-states.ts';
import type { Timeline } from '../rooms/reading/timeline.ts';
import type { Visibility } from '../rooms/reading/visibility.ts';
import type { Database } from '../storage/database.ts';
import type { RecentChanges } from '../storage/recent-changes.ts';
import { AccountData } from './account-data/index.ts';
import { DehydratedDevices } from './dehydrated-devices/index.ts';
import {
  CrossSigning,
  DeviceKeys,
  DeviceListEdus,
  DeviceListsOnJoin,
  DeviceLists,
  OneTimeKeys,
  RemoteDeviceLists,
  RemoteKeyQueries,
} from './end-to-end-encryption/index.ts';
import { DelayedEventLists, DelayedEvents } from './delayed-events/index.ts';
import { Filters } from './filters/index.ts';
import { InvitePermissions } from './invite-permission/index.ts';
import { KeyBackup } from './key-backup/index.ts';
import { MutualRooms } from './mutual-rooms/index.ts';
import { OpenIdTokens } from './openid/index.ts';
import { exchangePresence, Presence, PresenceLists } from './presence/index.ts';
import { Profile, ProfileUpdates } from './profile/index.ts';
import { PushEvents, PushRules, UnreadCounts } from './push/index.ts';
import { Reports } from './reporting/index.ts';
import { Retention, type RetentionLimits } from './retention/index.ts';
import { RoomMates } from './room-mates.ts';
import { RoomSuccession } from './room-succession/index.ts';
import { exchangeReceipts, Receipts } from './receipts/index.ts';
import { EventSearch, SearchAnswers, SearchIndex } from './search/index.ts';
import { RemoteSpaces, SpaceAnswers, SpaceHierarchy } from './spaces/index.ts';
import { ServerNotices } from './server-notices/index.ts';
import type { SyncPart } from './sync-part.ts';
import { ThreadSubscriptions } from './thread-subscriptions/index.ts';
import { receiveToDevice, ToDevice } from './to-device/index.ts';
import { UserDirectory } from './user-directory/index.ts';
import { Rendezvous } from './rendezvous/index.ts';
import { TurnCredentials, type TurnConfig } from './voip/index.ts';
import { exchangeTyping, Typing } from './typing/index.ts';

/** What modules need of the rest of the server. */
export interface ModuleWiring {
  readonly database: Database;
  readonly sessions: Sessions;
  readonly recent: RecentChanges;
  readonly rooms: RoomReads;
  readonly partialRooms: PartialRooms;
  readonly log: EventLog;
  readonly overviews: RoomOverviews;
  readonly outside: OutsideMemberships;
  readonly clock: { now(): number };
  readonly serverName: ServerName;
  readonly presenceEnabled: boolean;
  readonly pushDefaults: PushDefaults;
  readonly timeline: Timeline;
  readonly states: ShownStates;
  readonly visibility: Visibility;
  readonly aggregations: Aggregations;
  readonly clientEvents: ClientEvents;
  readonly turn: TurnConfig;
  readonly sending: MessageSending;
  readonly clientTransactions: ClientTransactions;
  readonly longestDelayMs: number;
  readonly retention: { readonly limits: RetentionLimits; readonly everyMs: number };
  readonly creation: RoomCreation;
  readonly changes: MembershipChanges;
  readonly notices: {
    readonly noticesUser: UserId;
    readonly displayName: string;
    readonly roomName: string;
  };
  readonly opaque: (length: number) => string;
  readonly exchange: EduExchange;
  readonly client: FederationClient;
  readonly remoteQueries: RemoteQueries;
  readonly timers: Timers;
  /** Told of what should not happen but harms nothing else. */
  readonly onProblem: (error: unknown) => void;
  /** Is told why what a sync changes could not be kept, which is made up for by a later one. */
  readonly onNotKept: (error: unknown) => void;
}

/** Puts the modules together. A new one is added here. */
export function createModules(wiring: ModuleWiring) {
  const { database, rooms, clock, serverName } = wiring;
  const accountData = new AccountData(database);
  const profile = new Profile({ database, rooms, serverName, remote: wiring.remoteQueries });
  const receipts = new Receipts(database, rooms, accountData, clock);
  const typing = new Typing(database, rooms, wiring);
  const presence = new Presence(database, rooms, {
    ...{ clock, timers: wiring.timers },
    enabled: wiring.presenceEnabled,
    serverName: wiring.serverName,
    onNotKept: wiring.onNotKept,
  });
  exchangeTyping(typing, wiring.exchange, { database, rooms });
  exchangeReceipts(receipts, wiring.exchange, { database, rooms });
  exchangePresence(presence, wiring.exchange, { database, rooms, clock });
  const presenceLists = new PresenceLists({ database, presence, exchange: wiring.exchange });
  const pushRules = new PushRules(database, accountData, wiring.pushDefaults);
  const threadSubscriptions = new ThreadSubscriptions(wiring);
  const pushEvents = new PushEvents(database, rooms, threadSubscriptions);
  const unreadCounts = new UnreadCounts({
    database,
    rooms,
    rules: pushRules,
    receipts,
    events: pushEvents,
    ignoredUsers: (userId) => accountData.ignoredUsers(userId),
  });
  const mates = new RoomMates(database, rooms);
  const profileUpdates = new ProfileUpdates(database, rooms, mates);
  const encryption = createEncryption(wiring, mates);
  const { toDevice, deviceLists, oneTimeKeys } = encryption;
  const syncParts: SyncPart[] = [
    accountData,
    pushRules,
    receipts,
    typing,
    presence.syncPart,
    unreadCounts,
    toDevice,
    deviceLists,
    oneTimeKeys,
    profileUpdates,
  ];
  return {
    ...encryption,
    accountData,
    receipts,
    typing,
    presence,
    presenceLists,
    pushRules,
    roomSuccession: new RoomSuccession({ database, rooms, accountData, pushRules, serverName }),
    pushEvents,
    retention: new Retention({
      ...{ database, log: wiring.log, clock, timers: wiring.timers },
      ...wiring.retention,
    }),
    threadSubscriptions,
    unreadCounts,
    syncParts,
    ...createSpaces(wiring),
    filters: new Filters(database),
    profile,
    profileUpdates,
    ...createPeople(wiring, profile),
    ...createSearch(wiring, accountData),
    invitePermissions: new InvitePermissions(accountData),
    serverNotices: new ServerNotices({
      ...{ database, rooms, accountData, clock },
      ...{ creation: wiring.creation, changes: wiring.changes, sending: wiring.sending },
      ...wiring.notices,
    }),
    ignoredUsers: (userId: UserId) => accountData.ignoredUsers(userId),
  };
}

/** What `createModules` puts together. */
export type Modules = ReturnType<typeof createModules>;

/** The module that finds events by their words. */
function createSearch(wiring: ModuleWiring, accountData: AccountData) {
  const { database, log, rooms, visibility, aggregations, timeline, states, clientEvents } = wiring;
  const searchIndex = new SearchIndex(database, wiring.timers);
  const ignoredUsers = (userId: UserId) => accountData.ignoredUsers(userId);
  const search = new EventSearch({
    ...{ database, log, rooms, visibility, aggregations, ignoredUsers },
    index: searchIndex,
  });
  return {
    searchIndex,
    searchAnswers: new SearchAnswers({ search, timeline, states, visibility, clientEvents, ignoredUsers }),
  };
}

/** The modules of end-to-end encryption. */
function createEncryption(wiring: ModuleWiring, mates: RoomMates) {
  const { database, rooms, recent, serverName, exchange, client } = wiring;
  const { partialRooms: partial } = wiring;
  const edus = new DeviceListEdus(exchange, partial);
  const deviceLists = new DeviceLists({ database, rooms, recent, mates, partial, edus });
  const oneTimeKeys = new OneTimeKeys(database);
  const remoteDeviceLists = new RemoteDeviceLists({
    ...{ database, client, exchange, partial, lists: deviceLists },
    ...{ timers: wiring.timers, onProblem: wiring.onProblem },
  });
  const remoteKeys = new RemoteKeyQueries(client, remoteDeviceLists);
  const deviceKeys = new DeviceKeys({
    database,
    lists: deviceLists,
    oneTimeKeys,
    serverName,
    remote: remoteKeys,
  });
  const toDevice = new ToDevice(database, serverName, exchange, wiring.onNotKept);
  receiveToDevice(toDevice, exchange);
  return {
    deviceLists,
    oneTimeKeys,
    deviceKeys,
    remoteDeviceLists,
    remoteKeys,
    toDevice,
    deviceListsOnJoin: new DeviceListsOnJoin({
      ...{ database, rooms, exchange, partial, timers: wiring.timers, onProblem: wiring.onProblem },
    }),
    crossSigning: new CrossSigning(database, deviceLists),
    keyBackup: new KeyBackup(database),
    dehydratedDevices: new DehydratedDevices({
      ...{ database, sessions: wiring.sessions, deviceKeys, oneTimeKeys, deviceLists, toDevice },
    }),
  };
}

/** What is told of spaces, to people and to other servers. */
function createSpaces({ log, overviews, rooms, outside, remoteQueries, timers }: ModuleWiring) {
  const remoteSpaces = new RemoteSpaces(remoteQueries);
  return {
    remoteSpaces,
    spaces: new SpaceHierarchy({ log, overviews, rooms, outside, elsewhere: remoteSpaces, timers }),
    spaceAnswers: new SpaceAnswers(log, overviews, outside),
  };
}

/** The modules by which people find and report each other and prove who they are. */
function createPeople(wiring: ModuleWiring, profile: Profile) {
  const { database, clock, serverName, opaque, timeline, visibility } = wiring;
  const userDirectory = new UserDirectory({
    ...{ database, serverName },
    profileOf: (userId) => profile.of(userId),
  });
  profile.onNamed((unit, userId, name) => userDirectory.rename(unit, userId, name));
  return {
    userDirectory,
    openIdTokens: new OpenIdTokens({ database, serverName, clock, opaque }),
    turn: new TurnCredentials(wiring.turn, clock),
    rendezvous: new Rendezvous(database, clock, wiring.opaque),
    reports: new Reports({ database, timeline, visibility, clock, opaque, serverName }),
    delayedEvents: new DelayedEvents({
      ...{ database, clock, opaque, rooms: wiring.rooms, sending: wiring.sending },
      ...{ timers: wiring.timers, transactions: wiring.clientTransactions },
      longestMs: wiring.longestDelayMs,
    }),
    delayedEventLists: new DelayedEventLists(database, clock),
    mutualRooms: new MutualRooms(wiring.rooms),
  };
}

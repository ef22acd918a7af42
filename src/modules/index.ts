import type { ServerName, UserId } from '../protocol/identifiers.ts';
import type { EventLog } from '../rooms/event-log.ts';
import type { RoomOverviews } from '../rooms/room-overviews.ts';
import type { RoomReads } from '../rooms/room-reads.ts';
import type { Database } from '../storage/database.ts';
import type { RecentChanges } from '../storage/recent-changes.ts';
import { AccountData } from './account-data/index.ts';
import { DehydratedDevices } from './dehydrated-devices/index.ts';
import { CrossSigning, DeviceKeys, DeviceLists, OneTimeKeys } from './end-to-end-encryption/index.ts';
import { Filters } from './filters/index.ts';
import { KeyBackup } from './key-backup/index.ts';
import { Presence } from './presence/index.ts';
import { Profile } from './profile/index.ts';
import { PushRules, UnreadCounts } from './push/index.ts';
import { Receipts } from './receipts/index.ts';
import { SpaceHierarchy } from './spaces/index.ts';
import type { SyncPart } from './sync-part.ts';
import { ToDevice } from './to-device/index.ts';
import { Typing } from './typing/index.ts';

/** What modules need of the rest of the server. */
export interface ModuleWiring {
  readonly database: Database;
  readonly recent: RecentChanges;
  readonly rooms: RoomReads;
  readonly log: EventLog;
  readonly overviews: RoomOverviews;
  readonly clock: { now(): number };
  readonly serverName: ServerName;
  readonly presenceEnabled: boolean;
}

/** Puts the modules together. A new one is added here. */
export function createModules(wiring: ModuleWiring) {
  const { database, rooms, clock, serverName } = wiring;
  const accountData = new AccountData(database);
  const receipts = new Receipts(database, rooms, accountData, clock);
  const typing = new Typing(database, rooms, clock);
  const presence = new Presence(database, rooms, clock, wiring.presenceEnabled);
  const pushRules = new PushRules(database, accountData);
  const unreadCounts = new UnreadCounts({
    database,
    rooms,
    rules: pushRules,
    receipts,
    ignoredUsers: (userId) => accountData.ignoredUsers(userId),
  });
  const encryption = createEncryption(wiring);
  const { toDevice, deviceLists, oneTimeKeys } = encryption;
  const syncParts: SyncPart[] = [
    accountData,
    pushRules,
    receipts,
    typing,
    presence,
    unreadCounts,
    toDevice,
    deviceLists,
    oneTimeKeys,
  ];
  return {
    ...encryption,
    accountData,
    receipts,
    typing,
    presence,
    pushRules,
    syncParts,
    spaces: new SpaceHierarchy(wiring.log, wiring.overviews),
    filters: new Filters(database),
    profile: new Profile(database, serverName),
    ignoredUsers: (userId: UserId) => accountData.ignoredUsers(userId),
  };
}

/** The modules of end-to-end encryption. */
function createEncryption({ database, rooms, recent, serverName }: ModuleWiring) {
  const deviceLists = new DeviceLists(database, rooms, recent);
  const oneTimeKeys = new OneTimeKeys(database);
  const deviceKeys = new DeviceKeys({ database, lists: deviceLists, oneTimeKeys, serverName });
  const toDevice = new ToDevice(database, serverName);
  return {
    deviceLists,
    oneTimeKeys,
    deviceKeys,
    toDevice,
    crossSigning: new CrossSigning(database, deviceLists),
    keyBackup: new KeyBackup(database),
    dehydratedDevices: new DehydratedDevices({ database, deviceKeys, oneTimeKeys, deviceLists, toDevice }),
  };
}

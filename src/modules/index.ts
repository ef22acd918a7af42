import type { ServerName, UserId } from '../protocol/identifiers.ts';
import type { RoomReads } from '../rooms/room-reads.ts';
import type { Database } from '../storage/database.ts';
import { AccountData } from './account-data/index.ts';
import { Filters } from './filters/index.ts';
import { Presence } from './presence/index.ts';
import { Profile } from './profile/index.ts';
import { PushRules, UnreadCounts } from './push/index.ts';
import { Receipts } from './receipts/index.ts';
import type { SyncPart } from './sync-part.ts';
import { Typing } from './typing/index.ts';

/** What modules need of the rest of the server. */
export interface ModuleWiring {
  readonly database: Database;
  readonly rooms: RoomReads;
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
  const syncParts: SyncPart[] = [accountData, pushRules, receipts, typing, presence, unreadCounts];
  return {
    accountData,
    receipts,
    typing,
    presence,
    pushRules,
    syncParts,
    filters: new Filters(database),
    profile: new Profile(database, serverName),
    ignoredUsers: (userId: UserId) => accountData.ignoredUsers(userId),
  };
}

import type { AccountServices } from './account-services.ts';
import {
  AppserviceClient,
  AppserviceInterest,
  AppservicePing,
  AppserviceQueries,
  AppserviceSender,
  ThirdPartyNetworks,
  UriMapping,
} from './modules/application-services/index.ts';
import type { Modules } from './modules/index.ts';
import { OutgoingHttp } from './platform/outgoing-http.ts';
import { drawFraction, type Randomness } from './platform/randomness.ts';
import type { Timers } from './platform/timers.ts';
import type { RoomServices } from './room-services.ts';
import * as queuesStore from './storage/push/appservice-queues-store.ts';
import type { Database } from './storage/database.ts';
import { ProcessLeases } from './storage/process-leases.ts';

/** Where application services are is the administrator's choice: they may be anywhere. */
const ANYWHERE = ['0.0.0.0/0', '::/0'];

/** What the services about application services need of the rest. */
export interface AppserviceWiring {
  readonly database: Database;
  readonly clock: { now(): number };
  readonly timers: Timers;
  readonly randomness: Randomness;
  readonly accounts: AccountServices;
  readonly rooms: RoomServices;
  readonly modules: Modules;
  readonly onError: (error: unknown) => void;
}

/** Puts the services about application services together. */
export function createAppserviceServices(wiring: AppserviceWiring) {
  const { database, clock, timers, randomness, rooms, modules } = wiring;
  const { appservices } = wiring.accounts;
  const appserviceHttp = new OutgoingHttp({ allowedRanges: ANYWHERE });
  const client = new AppserviceClient(appserviceHttp, clock);
  const interest = new AppserviceInterest(database, rooms.visibility, appservices.all);
  const processId = randomness.opaque(18);
  const leases = new ProcessLeases<string>(queuesStore, { database, clock, timers, processId });
  const appserviceSender = new AppserviceSender(
    appservices.all,
    {
      ...{ database, interest, client, clock, timers, leases, onError: wiring.onError },
      log: rooms.log,
      clientEvents: rooms.clientEvents,
      draw: () => drawFraction(randomness),
    },
    {
      typing: (roomId) => modules.typing.typing(roomId),
      receiptAt: (roomId, userId, position) => modules.receipts.contentAt(roomId, userId, position),
      presence: (userId) => modules.presence.eventOf(userId),
    },
  );
  const queries = new AppserviceQueries(appservices, client, database);
  rooms.aliases.onUnknown((alias) => queries.askForAlias(alias));
  rooms.invites.onInvited((userId) => queries.askForUser(userId));
  return {
    appserviceHttp,
    appserviceInterest: interest,
    appserviceSender,
    appservicePing: new AppservicePing(appservices, client, appserviceSender),
    uriMapping: new UriMapping(appservices, client),
    thirdPartyNetworks: new ThirdPartyNetworks(appservices, client),
  };
}

import { RoomAnswers } from './federation/answering/room-answers.ts';
import { EduExchange } from './federation/edu-exchange.ts';
import { EventGathering } from './federation/inbound/event-gathering.ts';
import { EventReceiver } from './federation/inbound/event-receiver.ts';
import { ForkMerging } from './federation/inbound/fork-merging.ts';
import { HistoryFetching } from './federation/inbound/history-fetching.ts';
import { ServersToAsk } from './federation/inbound/servers-to-ask.ts';
import { OutsideEvents } from './federation/inbound/outside-events.ts';
import { RoomRequests } from './federation/inbound/room-requests.ts';
import { Notary } from './federation/keys/notary.ts';
import { InviteKeyCheck } from './federation/membership/invite-key-check.ts';
import { IncomingInvites } from './federation/membership/incoming-invites.ts';
import { MembershipRequests } from './federation/membership/membership-requests.ts';
import { RemoteMembership } from './federation/membership/remote-membership.ts';
import { ResidentMembership } from './federation/membership/resident-membership.ts';
import { StateCompletion } from './federation/membership/state-completion.ts';
import { ThirdPartyExchange } from './federation/membership/third-party-exchange.ts';
import { PolicyServers } from './federation/policy-servers.ts';
import { RemoteQueries } from './federation/queries/remote-queries.ts';
import { EduHandlers } from './federation/receiving/edu-handlers.ts';
import { TransactionReceiver } from './federation/receiving/transaction-receiver.ts';
import { RoomAcl } from './federation/room-acl.ts';
import { RequestSignatures } from './federation/request-signatures.ts';
import { FederationSender } from './federation/sending/federation-sender.ts';
import { OutgoingPdus } from './federation/sending/outgoing-pdus.ts';
import { RoomServers } from './federation/sending/room-servers.ts';
import { ServerAuthentication } from './federation/server-authentication.ts';
import type { Config } from './platform/config/schema.ts';
import type { OutgoingHttp } from './platform/outgoing-http.ts';
import type { Randomness } from './platform/randomness.ts';
import type { Timers } from './platform/timers.ts';
import type { ServerName } from './protocol/identifiers.ts';
import type { EventSigner } from './rooms/appending/event-signer.ts';
import type { InviteRules } from './rooms/membership/invitations.ts';
import type { RoomServices } from './room-services.ts';
import type { ServerLinks } from './server-links.ts';
import type { Database } from './storage/database.ts';
import * as outgoingStore from './storage/federation/outgoing-store.ts';
import { ProcessLeases } from './storage/process-leases.ts';

/** What the services about other servers need of the rest. */
export interface FederationWiring {
  readonly database: Database;
  readonly config: Config;
  readonly serverName: ServerName;
  readonly clock: { now(): number };
  readonly randomness: Randomness;
  readonly outgoing: OutgoingHttp;
  readonly signer: EventSigner;
  readonly invites: InviteRules;
  readonly rooms: RoomServices;
  readonly links: ServerLinks;
  readonly timers: Timers;
  /** Told of what should not happen but harms nothing else. */
  readonly onProblem: (error: unknown) => void;
}

/** Puts together what exchanges rooms with other servers. */
export function createFederationServices(wiring: FederationWiring) {
  const { database, serverName, clock, outgoing, randomness } = wiring;
  const { backOff, federationClient: client, keyRing, fetcher, ownKeys } = wiring.links;
  const { originCertificates: certificates } = wiring.links;
  const { log, writer, tries, memberships, outside, restricted, remoteInvites } = wiring.rooms;
  const { partialRooms: partial } = wiring.rooms;
  const { signer, invites } = wiring;
  const signatures = keyRing;
  const acl = new RoomAcl(log, database);
  const roomRequests = new RoomRequests(client);
  const gathering = new EventGathering({ requests: roomRequests, signatures, log });
  const outsideEvents = new OutsideEvents({ memberships, outside, signatures, serverName });
  const policies = new PolicyServers({ database, log, client });
  const serversToAsk = new ServersToAsk(database, backOff);
  const { timers, onProblem } = wiring;
  const receiver = new EventReceiver({
    ...{ database, writer, gathering, signatures, acl, policies, clock, timers, onProblem },
    outside: outsideEvents,
    ...{ partial, serversToAsk },
    merging: new ForkMerging(writer, serverName),
    guests: wiring.rooms.departures,
  });
  const requests = new MembershipRequests(client);
  const completion = new StateCompletion({
    ...{ database, writer, gathering, partial, timers, onProblem },
    ownServer: serverName,
    guests: wiring.rooms.departures,
  });
  const eduHandlers = new EduHandlers(onProblem);
  const roomServers = new RoomServers(database, serverName);
  const pdus = new OutgoingPdus(log, database);
  const processId = randomness.opaque(16);
  const leases = new ProcessLeases<ServerName>(outgoingStore, { database, clock, timers, processId });
  const sender = new FederationSender(
    {
      ...{ database, client, backOff, clock, timers, leases },
      pdusOf: (eventIds, to) => pdus.of(eventIds, to),
      transactionId: () => randomness.opaque(24),
      onProblem: wiring.onProblem,
    },
    roomServers,
  );
  return {
    policyServers: policies,
    notary: new Notary({ database, fetcher, own: { server: serverName, keys: ownKeys }, clock }),
    roomAcl: acl,
    roomServers,
    federationSender: sender,
    remoteQueries: new RemoteQueries(client),
    history: new HistoryFetching({ database, writer, gathering, requests: roomRequests, serversToAsk }),
    eventGathering: gathering,
    eventReceiver: receiver,
    stateCompletion: completion,
    remoteMembership: new RemoteMembership({
      ...{ database, writer, signer, requests, gathering, signatures, outside, receiver, clock },
      ...{ partial, timers },
    }),
    residentMembership: new ResidentMembership({
      ...{ database, writer, signer, log, tries, restricted, signatures, partial, policies },
    }),
    incomingInvites: new IncomingInvites({ database, signer, signatures, rules: invites, outside }),
    thirdPartyExchange: new ThirdPartyExchange({
      ...{ writer, outside, remoteInvites, requests, serverName },
      keys: new InviteKeyCheck(outgoing),
    }),
    roomAnswers: new RoomAnswers({ database, log, tries, acl, partial }),
    eduExchange: new EduExchange({
      ...{
        database,
        servers: roomServers,
        ownServer: serverName,
        handlers: eduHandlers,
        sender,
        acl,
        partial,
      },
      onProblem: wiring.onProblem,
    }),
    serverAuthentication: new ServerAuthentication({
      ...{ serverName, acl, backOff, certificates },
      signatures: new RequestSignatures(serverName, keyRing, clock),
    }),
    eduHandlers,
    transactions: new TransactionReceiver(receiver, eduHandlers),
  };
}

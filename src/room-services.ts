import type { EventSigner } from './rooms/appending/event-signer.ts';
import { Aggregations } from './rooms/relations/aggregations.ts';
import { AuthChainIndex } from './rooms/state/auth-chains/auth-chain-index.ts';
import { Aliases } from './rooms/creation/aliases.ts';
import { ClientEvents } from './rooms/reading/client-events.ts';
import { CommittedRooms } from './rooms/reading/committed-rooms.ts';
import { RelatedRedactions } from './rooms/relations/related-redactions.ts';
import { RelatedEvents } from './rooms/relations/related-events.ts';
import { RoomCreation } from './rooms/creation/create-room.ts';
import { Directory } from './rooms/creation/directory.ts';
import { ErasedSenders } from './rooms/reading/erased-senders.ts';
import { EventByTime } from './rooms/reading/event-by-time.ts';
import type { InviteRules } from './rooms/membership/invitations.ts';
import { EventLog } from './rooms/events/event-log.ts';
import type { ProfileOf } from './rooms/membership/member-content.ts';
import { Departures } from './rooms/membership/departures.ts';
import { MemberProfiles } from './rooms/membership/member-profile.ts';
import { MembershipChanges } from './rooms/membership/membership-changes.ts';
import { Memberships } from './rooms/membership/memberships.ts';
import { CanonicalAliasRule } from './rooms/appending/canonical-alias-rule.ts';
import { MessageSending } from './rooms/appending/message-sending.ts';
import { OutsideMemberships } from './rooms/membership/outside-memberships.ts';
import { PartialRooms } from './rooms/state/partial-rooms.ts';
import { RemoteInvites } from './rooms/membership/remote-invites.ts';
import type { RemoteHistory, RemoteRooms } from './rooms/membership/remote-rooms.ts';
import { RestrictedJoins } from './rooms/membership/restricted-joins.ts';
import type { PolicySigner } from './rooms/appending/policy-signing.ts';
import { RoomOverviews } from './rooms/reading/room-overviews.ts';
import { RoomUpgrade } from './rooms/creation/room-upgrade.ts';
import { RoomWriter } from './rooms/appending/room-writer.ts';
import { StateResolver } from './rooms/state/state-resolver.ts';
import { StateTries } from './rooms/state/state-trie.ts';
import { ThirdPartyInvites } from './rooms/membership/third-party-invites.ts';
import { StickyEvents } from './rooms/reading/sticky-events.ts';
import { ShownStates } from './rooms/reading/shown-states.ts';
import { Timeline } from './rooms/reading/timeline.ts';
import { Visibility } from './rooms/reading/visibility.ts';
import type { Appservices } from './accounts/application-services/appservices.ts';
import type { IdentityServers } from './accounts/identity-server.ts';
import type { Timers } from './platform/timers.ts';
import type { RoomRules } from './rooms/appending/room-rules.ts';
import type { UserId } from './protocol/identifiers.ts';
import type { Database } from './storage/database.ts';

/** What the services about rooms need of the rest. */
export interface RoomWiring {
  readonly database: Database;
  readonly signer: EventSigner;
  readonly clock: { now(): number };
  readonly timers: Timers;
  readonly rules: RoomRules;
  readonly opaqueId: () => string;
  readonly identity: IdentityServers;
  readonly profileOf: ProfileOf;
  readonly appservices: Appservices;
  readonly invites: InviteRules;
  readonly remote: RemoteRooms;
  readonly policy: PolicySigner;
  readonly remoteHistory: RemoteHistory;
  readonly ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  readonly defaultVersion: string;
  readonly eventCacheBytes: number;
  readonly stateCacheBytes: number;
  readonly onProblem: (error: unknown) => void;
}

/** Puts the services about rooms together. */
export function createRoomServices(wiring: RoomWiring) {
  const { database, signer, clock, opaqueId, profileOf, defaultVersion } = wiring;
  const { serverName } = signer;
  const log = new EventLog(database, wiring.eventCacheBytes);
  const memberships = new Memberships(database);
  const partialRooms = new PartialRooms(database, wiring.timers);
  const tries = new StateTries(database, wiring.stateCacheBytes);
  const authChains = new AuthChainIndex(database, wiring.onProblem);
  const resolver = new StateResolver(tries, wiring.rules, authChains);
  const { policy, rules } = wiring;
  const needs = { reader: database, tries, resolver, rules, signer, clock, policy, committed: log };
  const writer = new RoomWriter(database, needs);
  const visibility = new Visibility({ log, tries, memberships, erased: new ErasedSenders(database, log) });
  const aggregations = new Aggregations({ database, log, visibility, ignoredUsers: wiring.ignoredUsers });
  const { appservices } = wiring;
  const states = new ShownStates({ database, log, tries, visibility, partialRooms });
  const timeline = new Timeline({ database, log, visibility, states, remote: wiring.remoteHistory });
  const aliases = new Aliases({ database, log, memberships, writer, serverName, appservices });
  const restricted = new RestrictedJoins({ database, memberships, partialRooms, serverName });
  const outside = new OutsideMemberships(database, appservices);
  const { remote, invites } = wiring;
  const remoteInvites = new RemoteInvites({ writer, signer, remote });
  const profiles = new MemberProfiles(writer, profileOf);
  const changes = new MembershipChanges({
    ...{ database, writer, memberships, profileOf, profiles, invites },
    ...{ restricted, outside, remote, remoteInvites },
  });
  const creation = new RoomCreation({
    writer,
    reader: database,
    signer,
    ...{ profileOf, profiles },
    clock,
    opaqueId,
    invites,
    remoteInvites,
    defaultVersion,
    appservices,
  });
  const canonicalAlias = new CanonicalAliasRule({ database, log, aliases, serverName });
  const sending = new MessageSending({ database, writer, invites, remoteInvites, canonicalAlias });
  const departures = new Departures({ database, writer, memberships, changes });
  sending.onGuestAccessTouched((roomId) => departures.removeGuests(roomId));
  return {
    log,
    invites,
    tries,
    writer,
    restricted,
    outside,
    partialRooms,
    remoteInvites,
    memberships,
    rooms: new CommittedRooms(database, log, memberships),
    visibility,
    states,
    timeline,
    aggregations,
    stickyEvents: new StickyEvents(database, log, wiring.clock),
    eventByTime: new EventByTime({ database, log, visibility, remote: wiring.remoteHistory }),
    overviews: new RoomOverviews(database, log, memberships),
    authChains,
    relatedRedactions: new RelatedRedactions(database, sending),
    relatedEvents: new RelatedEvents(database, log, visibility),
    aliases,
    creation,
    clientEvents: new ClientEvents(log, aggregations, visibility),
    changes,
    departures,
    thirdPartyInvites: new ThirdPartyInvites(wiring.identity, writer, changes),
    sending,
    directory: new Directory({ database, log, aliases }),
    upgrades: new RoomUpgrade({ database, log, writer, creation }),
  };
}

/** What `createRoomServices` puts together. */
export type RoomServices = ReturnType<typeof createRoomServices>;

import { serverNameOf, type RoomId, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, MatrixError, notFound } from '../../protocol/matrix-error.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import * as roomServersStore from '../../storage/federation/room-servers-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { assertGuestsAllowed } from './guest-access.ts';
import type { InviteRules } from './invitations.ts';
import { memberContent, type MemberDetails, type ProfileOf } from './member-content.ts';
import type { MemberProfiles } from './member-profile.ts';
import type { Memberships } from './memberships.ts';
import { hasMembersBy, isHereBy, type OutsideMemberships } from './outside-memberships.ts';
import type { RemoteInvites } from './remote-invites.ts';
import type { RemoteRooms } from './remote-rooms.ts';
import type { RestrictedJoins } from './restricted-joins.ts';
import type { RoomWriter } from '../appending/room-writer.ts';
import { serversOfInvite } from '../reading/room-reads.ts';

/** Who changes a membership. */
export interface Actor {
  readonly userId: UserId;
  readonly isGuest: boolean;
}

/** Servers asked, one after the other, to let a user in. */
const MOST_SERVERS = 20;
/** Why this server cannot let a user in where another may. */
const UNABLE: ReadonlySet<string> = new Set(['M_UNABLE_TO_AUTHORISE_JOIN', 'M_UNABLE_TO_GRANT_JOIN']);

/** Changes who is in a room (Client-Server API, "Room membership"). */
export class MembershipChanges {
  readonly #database: Database;
  readonly #writer: RoomWriter;
  readonly #memberships: Memberships;
  readonly #profileOf: ProfileOf;
  readonly #profiles: MemberProfiles;
  readonly #serverName: ServerName;
  readonly #invites: InviteRules;
  readonly #restricted: RestrictedJoins;
  readonly #outside: OutsideMemberships;
  readonly #remote: RemoteRooms;
  readonly #remoteInvites: RemoteInvites;

  constructor(needs: {
    database: Database;
    writer: RoomWriter;
    memberships: Memberships;
    profileOf: ProfileOf;
    profiles: MemberProfiles;
    invites: InviteRules;
    restricted: RestrictedJoins;
    outside: OutsideMemberships;
    remote: RemoteRooms;
    remoteInvites: RemoteInvites;
  }) {
    this.#database = needs.database;
    this.#writer = needs.writer;
    this.#memberships = needs.memberships;
    this.#profileOf = needs.profileOf;
    this.#profiles = needs.profiles;
    this.#serverName = needs.invites.serverName;
    this.#invites = needs.invites;
    this.#restricted = needs.restricted;
    this.#outside = needs.outside;
    this.#remote = needs.remote;
    this.#remoteInvites = needs.remoteInvites;
  }

  /**
   * Joins, by way of another server where nobody of this one is in the room or may vouch for the user; nothing happens
   * for one who is joined.
   *
   * @param further keys that the client adds to the content.
   * @param via servers that may be in the room.
   * @throws MatrixError 403 when the join rules or a ban forbid it, 404 for a room that no server is known to have.
   */
  async join(
    actor: Actor,
    roomId: RoomId,
    reason?: string,
    further: JsonObject = {},
    via: readonly ServerName[] = [],
  ): Promise<void> {
    const { userId } = actor;
    const content = { ...further, ...memberContent('join', await this.#profileOf(userId), { reason }) };
    if (await this.#isHere(roomId, userId)) await this.#joinHereOrElsewhere(actor, roomId, content, via);
    else await this.#joinRemotely(actor, roomId, content, via);
    await this.#profiles.follow(roomId, userId, content);
  }

  /**
   * `OutsideMemberships.isHere`, from memory where this process has the room in use. Where nobody is in the room who is known
   * here, it is elsewhere for one who is invited, or knocks, from outside.
   */
  async #isHere(roomId: RoomId, userId: UserId): Promise<boolean> {
    const counts = this.#writer.knownRoom(roomId)?.point ?? (await this.#outside.countsOf(roomId));
    if (counts === undefined || !isHereBy(counts)) return false;
    if (hasMembersBy(counts)) return true;
    const now = await this.#memberships.of(roomId, userId);
    if (now?.membership !== 'invite' && now?.membership !== 'knock') return true;
    return (await this.#outside.of(userId, roomId))?.eventId !== now.eventId;
  }

  async #joinHereOrElsewhere(
    actor: Actor,
    roomId: RoomId,
    content: JsonObject,
    via: readonly ServerName[],
  ): Promise<void> {
    try {
      await this.#joinHere(actor, roomId, content);
    } catch (error) {
      if (!(error instanceof MatrixError) || !UNABLE.has(error.errcode)) throw error;
      const inRoom = await roomServersStore.of(this.#database, roomId);
      const servers = await this.#serversOf(actor.userId, roomId, [...via, ...inRoom]);
      if (servers.length === 0) throw forbidden(error.message);
      const { userId, isGuest } = actor;
      await this.#remote.join({ userId, isGuest, roomId, content, servers });
    }
  }

  /** Asks to be let in (room version 7 and later). */
  async knock(actor: Actor, roomId: RoomId, reason?: string, via: readonly ServerName[] = []): Promise<void> {
    const { userId } = actor;
    const content = memberContent('knock', await this.#profileOf(userId), { reason });
    if (await this.#isHere(roomId, userId)) return this.#set(userId, roomId, userId, content);
    const servers = await this.#serversOf(userId, roomId, via);
    if (servers.length === 0) throw notFound('There is no such room');
    await this.#remote.knock({ userId, roomId, content, servers });
  }

  /**
   * Invites a user. 403 when the sender may not, or the target is in the room or banned, or does not want to be; other
   * errors are those of the target's server.
   */
  async invite(actor: Actor, roomId: RoomId, target: UserId, more: MemberDetails = {}): Promise<void> {
    await this.#invites.assertInvitable(target, actor.userId);
    if (serverNameOf(target) !== this.#serverName) {
      const content = memberContent('invite', {}, more);
      await this.#remoteInvites.invite({ sender: actor.userId, roomId, target, content });
      return;
    }
    const content = memberContent('invite', await this.#profileOf(target), more);
    await this.#set(actor.userId, roomId, target, content);
  }

  /** Leaves, declines an invite, or takes back a knock. Nothing happens for one who left already. */
  async leave(actor: Actor, roomId: RoomId, reason?: string): Promise<void> {
    const { userId } = actor;
    const content = memberContent('leave', {}, { reason });
    if (!(await this.#isHere(roomId, userId))) return this.#leaveRemotely(userId, roomId, content);
    await this.#writer.append(roomId, async (room) => {
      const event = await room.stateEvent('m.room.member', userId);
      if (!event) throw forbidden('You are not in this room');
      if (event.content.membership === 'leave') return;
      this.#invites.assertDeclinable(event);
      await room.add({ type: 'm.room.member', stateKey: userId, content, sender: userId });
    });
  }

  /** Removes a user who is joined, invited or knocking. */
  async kick(actor: Actor, roomId: RoomId, target: UserId, reason?: string): Promise<void> {
    await this.#writer.append(roomId, async (room) => {
      const membership = await room.membership(target);
      if (membership === 'leave' || membership === 'ban') {
        throw forbidden(
          `${target} is not in the room: only who is joined, invited or knocking can be removed`,
        );
      }
      const content = memberContent('leave', {}, { reason });
      await room.add({ type: 'm.room.member', stateKey: target, content, sender: actor.userId });
    });
  }

  /** Bans a user, who need not be in the room. */
  async ban(actor: Actor, roomId: RoomId, target: UserId, reason?: string): Promise<void> {
    await this.#set(actor.userId, roomId, target, memberContent('ban', {}, { reason }));
  }

  /** Lifts a ban. 403 when there is none. */
  async unban(actor: Actor, roomId: RoomId, target: UserId, reason?: string): Promise<void> {
    await this.#writer.append(roomId, async (room) => {
      if ((await room.membership(target)) !== 'ban') {
        throw new MatrixError(403, 'M_BAD_STATE', `${target} is not banned from this room`);
      }
      const content = memberContent('leave', {}, { reason });
      await room.add({ type: 'm.room.member', stateKey: target, content, sender: actor.userId });
    });
  }

  /** Forgets a room that the user left: it is not shown to them any more. */
  async forget(userId: UserId, roomId: RoomId): Promise<void> {
    const membership = await this.#memberships.of(roomId, userId);
    if (!membership) throw new MatrixError(400, 'M_UNKNOWN', 'You never were in this room');
    if (membership.membership !== 'leave' && membership.membership !== 'ban') {
      throw new MatrixError(400, 'M_UNKNOWN', 'Leave the room before you forget it');
    }
    const unit = new UnitOfWork();
    membershipsStore.forget(unit, userId, roomId);
    unit.announce({ topic: 'session', position: unit.position(), users: [userId] });
    try {
      await this.#database.commit(unit);
    } catch (error) {
      if (error instanceof GuardFailed)
        throw new MatrixError(400, 'M_UNKNOWN', 'Leave the room before you forget it');
      throw error;
    }
  }

  /**
   * Writes the user's new name and picture into the membership events of all joined rooms. Some take none: where the
   * join rule is one that the room's version does not know, nobody may write a join.
   */
  async refreshProfile(userId: UserId): Promise<void> {
    for (const roomId of [...(await this.#memberships.joined(userId))])
      await this.#profiles.refresh(roomId, userId);
  }

  async #set(sender: UserId, roomId: RoomId, target: UserId, content: JsonObject): Promise<void> {
    await this.#writer.append(roomId, async (room) => {
      await room.add({ type: 'm.room.member', stateKey: target, content, sender });
    });
  }

  async #joinHere(actor: Actor, roomId: RoomId, content: JsonObject): Promise<void> {
    const { userId } = actor;
    await this.#writer.append(roomId, async (room) => {
      const membership = await room.membership(userId);
      if (membership === 'join') return;
      if (actor.isGuest) await assertGuestsAllowed(room);
      const via = membership === 'invite' ? undefined : await this.#restricted.authorisingUser(room, userId);
      const vouched = via === undefined ? {} : { join_authorised_via_users_server: via };
      const draft = { type: 'm.room.member', stateKey: userId, sender: userId };
      await room.add({ ...draft, content: { ...content, ...vouched } });
    });
  }

  async #joinRemotely(
    { userId, isGuest }: Actor,
    roomId: RoomId,
    content: JsonObject,
    via: readonly ServerName[],
  ): Promise<void> {
    const servers = await this.#serversOf(userId, roomId, via);
    if (servers.length === 0) throw notFound('There is no such room');
    await this.#remote.join({ userId, isGuest, roomId, content, servers });
  }

  async #leaveRemotely(userId: UserId, roomId: RoomId, content: JsonObject): Promise<void> {
    const member = await this.#memberships.of(roomId, userId);
    if (!member) throw forbidden('You are not in this room');
    if (member.membership !== 'invite' && member.membership !== 'knock') return;
    const servers = await this.#serversOf(userId, roomId, []);
    await this.#remote.leave({ userId, roomId, content, servers });
  }

  /**
   * Other servers that may be in the room, those that are likely to be first. Where a client names none, those are asked that
   * were in the room when it was here last, else the one in the room's ID.
   */
  async #serversOf(userId: UserId, roomId: RoomId, via: readonly ServerName[]): Promise<ServerName[]> {
    const inviter = serversOfInvite(await this.#memberships.of(roomId, userId));
    const ofRoom = serverNameOf(roomId);
    const inRoom = via.length === 0 ? await roomServersStore.of(this.#database, roomId) : [];
    const servers = new Set([...via, ...inviter, ...inRoom]);
    servers.delete(this.#serverName);
    if (servers.size === 0 && ofRoom !== undefined && ofRoom !== this.#serverName) servers.add(ofRoom);
    return [...servers].slice(0, MOST_SERVERS);
  }
}

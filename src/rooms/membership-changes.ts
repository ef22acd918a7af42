import { PowerLevels } from '../protocol/auth/power-levels.ts';
import { serverNameOf, type RoomId, type ServerName, type UserId } from '../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../protocol/json.ts';
import { forbidden, MatrixError, notFound } from '../protocol/matrix-error.ts';
import { GuardFailed, type Database } from '../storage/database.ts';
import * as membershipsStore from '../storage/memberships-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import type { InviteRules } from './invitations.ts';
import { memberContent, type ProfileOf } from './member-content.ts';
import type { Memberships } from './memberships.ts';
import type { RoomTransaction } from './room-transaction.ts';
import type { RoomWriter } from './room-writer.ts';

const GUESTS_AT_ONCE = 100;

/** Who changes a membership. */
export interface Actor {
  readonly userId: UserId;
  readonly isGuest: boolean;
}

/** Changes who is in a room (Client-Server API, "Room membership"). */
export class MembershipChanges {
  readonly #database: Database;
  readonly #writer: RoomWriter;
  readonly #memberships: Memberships;
  readonly #profileOf: ProfileOf;
  readonly #serverName: ServerName;
  readonly #invites: InviteRules;

  constructor(needs: {
    database: Database;
    writer: RoomWriter;
    memberships: Memberships;
    profileOf: ProfileOf;
    invites: InviteRules;
  }) {
    this.#database = needs.database;
    this.#writer = needs.writer;
    this.#memberships = needs.memberships;
    this.#profileOf = needs.profileOf;
    this.#serverName = needs.invites.serverName;
    this.#invites = needs.invites;
  }

  /**
   * Joins; nothing happens for one who is joined.
   *
   * @param further keys that the client adds to the content.
   * @throws MatrixError 403 when the join rules or a ban forbid it.
   */
  async join(actor: Actor, roomId: RoomId, reason?: string, further: JsonObject = {}): Promise<void> {
    const { userId } = actor;
    const profile = await this.#profileOf(userId);
    await this.#writer.append(roomId, async (room) => {
      const membership = await room.membership(userId);
      if (membership === 'join') return;
      if (actor.isGuest) await assertGuestsAllowed(room);
      const authorisedVia = membership === 'invite' ? undefined : await this.#authorisingUser(room, userId);
      const content = { ...further, ...memberContent('join', profile, { reason, authorisedVia }) };
      await room.add({ type: 'm.room.member', stateKey: userId, content, sender: userId });
    });
  }

  /** Asks to be let in (room version 7 and later). */
  async knock(actor: Actor, roomId: RoomId, reason?: string): Promise<void> {
    const content = memberContent('knock', await this.#profileOf(actor.userId), { reason });
    await this.#set(actor.userId, roomId, actor.userId, content);
  }

  /** Invites a user of this server. 403 when the sender may not, or the target is in the room or banned. */
  async invite(actor: Actor, roomId: RoomId, target: UserId, reason?: string): Promise<void> {
    await this.#invites.assertInvitable(target, actor.userId);
    const content = memberContent('invite', await this.#profileOf(target), { reason });
    await this.#set(actor.userId, roomId, target, content);
  }

  /** Leaves, declines an invite, or takes back a knock. Nothing happens for one who left already. */
  async leave(actor: Actor, roomId: RoomId, reason?: string): Promise<void> {
    const { userId } = actor;
    await this.#writer.append(roomId, async (room) => {
      const event = await room.stateEvent('m.room.member', userId);
      if (!event) throw forbidden('You are not in this room');
      if (event.content.membership === 'leave') return;
      this.#invites.assertDeclinable(event);
      const content = memberContent('leave', {}, { reason });
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

  /** Writes the user's new name and picture into the membership events of all joined rooms. */
  async refreshProfile(userId: UserId): Promise<void> {
    const profile = await this.#profileOf(userId);
    for (const roomId of [...(await this.#memberships.joined(userId))]) {
      await this.#writer.append(roomId, async (room) => {
        const event = await room.stateEvent('m.room.member', userId);
        if (event?.content.membership !== 'join') return;
        const { displayname, avatar_url: avatarUrl } = event.content;
        if (displayname === profile.displayname && avatarUrl === profile.avatar_url) return;
        const content = memberContent('join', profile);
        await room.add({ type: 'm.room.member', stateKey: userId, content, sender: userId });
      });
    }
  }

  /** Makes this server's guests leave a room that lets them in no more (Client-Server API, "Guest Access"). */
  async removeGuests(roomId: RoomId): Promise<void> {
    for (let after: string | undefined = ''; after !== undefined;) {
      const guests: UserId[] = await membershipsStore.guests(this.#database, roomId, after, GUESTS_AT_ONCE);
      for (const userId of guests) await this.#leaveIfPossible({ userId, isGuest: true }, roomId);
      after = guests.length === GUESTS_AT_ONCE ? guests.at(-1) : undefined;
    }
  }

  /** Leaves every room, for an account that is closed. Rooms that refuse are left as they are. */
  async leaveAll(userId: UserId): Promise<void> {
    for (const { roomId, membership } of [...(await this.#memberships.ofUser(userId)).values()]) {
      if (membership !== 'join' && membership !== 'invite' && membership !== 'knock') continue;
      await this.#leaveIfPossible({ userId, isGuest: false }, roomId);
    }
  }

  async #leaveIfPossible(actor: Actor, roomId: RoomId): Promise<void> {
    await this.leave(actor, roomId).catch((error: unknown) => {
      if (!(error instanceof MatrixError)) throw error;
    });
  }

  async #set(sender: UserId, roomId: RoomId, target: UserId, content: JsonObject): Promise<void> {
    await this.#writer.append(roomId, async (room) => {
      await room.add({ type: 'm.room.member', stateKey: target, content, sender });
    });
  }

  /**
   * For a restricted join: a member of this server who may invite, if the user meets one of the conditions (Server-
   * Server API, "Restricted rooms"). Undefined where the room is not restricted.
   */
  async #authorisingUser(room: RoomTransaction, userId: UserId): Promise<UserId | undefined> {
    const rules = (await room.stateEvent('m.room.join_rules', ''))?.content;
    const { version } = room.head;
    const restricted =
      (version.restricted && rules?.join_rule === 'restricted') ||
      (version.knockRestricted && rules?.join_rule === 'knock_restricted');
    if (!rules || !restricted) return undefined;
    if (!(await this.#meetsCondition(rules, userId))) {
      throw forbidden(
        'You are in none of the rooms whose members may join this one, and you are not invited',
      );
    }
    return this.#memberWhoMayInvite(room);
  }

  async #meetsCondition(rules: JsonObject, userId: UserId): Promise<boolean> {
    const joined = await this.#memberships.joined(userId);
    const allow = Array.isArray(rules.allow) ? rules.allow : [];
    return allow.some(
      (condition) =>
        isJsonObject(condition) &&
        condition.type === 'm.room_membership' &&
        typeof condition.room_id === 'string' &&
        joined.has(condition.room_id as RoomId),
    );
  }

  async #memberWhoMayInvite(room: RoomTransaction): Promise<UserId> {
    const create = await room.stateEvent('m.room.create', '');
    if (!create) throw notFound('There is no such room');
    const levelsEvent = await room.stateEvent('m.room.power_levels', '');
    const levels = new PowerLevels(room.head.version, create, levelsEvent);
    const listed = isJsonObject(levelsEvent?.content.users) ? Object.keys(levelsEvent.content.users) : [];
    const additional = create.content.additional_creators;
    const creators = [create.sender, ...(Array.isArray(additional) ? additional : [])];
    const candidates = [...creators, ...listed] as UserId[];
    const someone = await membershipsStore.members(this.#database, room.roomId, 'join', '', 1);
    for (const userId of [...candidates, ...someone]) {
      if (serverNameOf(userId) !== this.#serverName || levels.userLevel(userId) < levels.invite) continue;
      if ((await room.membership(userId)) === 'join') return userId;
    }
    throw forbidden('Nobody on this server who is in the room may invite, so nobody can vouch for you');
  }
}

async function assertGuestsAllowed(room: RoomTransaction): Promise<void> {
  const access = (await room.stateEvent('m.room.guest_access', ''))?.content.guest_access;
  if (access === 'can_join') return;
  throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'This room does not let guests in');
}

import { PowerLevels } from '../../protocol/auth/power-levels.ts';
import { serverNameOf, type RoomId, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { forbidden, MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import type { Memberships } from './memberships.ts';
import type { RoomTransaction } from '../appending/room-transaction.ts';
import type { PartialRooms } from '../state/partial-rooms.ts';

/** Decides on joins of rooms that let in the members of other rooms (Server-Server API, "Restricted rooms"). */
export class RestrictedJoins {
  readonly #database: Database;
  readonly #memberships: Memberships;
  readonly #partial: PartialRooms;
  readonly #serverName: ServerName;

  constructor(needs: {
    database: Database;
    memberships: Memberships;
    partialRooms: PartialRooms;
    serverName: ServerName;
  }) {
    this.#database = needs.database;
    this.#memberships = needs.memberships;
    this.#partial = needs.partialRooms;
    this.#serverName = needs.serverName;
  }

  /**
   * A member of this server who may invite, and so vouch for a user who meets one of the room's conditions. Undefined
   * where the room is not restricted.
   *
   * @throws MatrixError 403 M_FORBIDDEN for who meets no condition, 400 M_UNABLE_TO_AUTHORISE_JOIN when this server cannot
   *   tell, 400 M_UNABLE_TO_GRANT_JOIN when nobody here may vouch.
   */
  async authorisingUser(room: RoomTransaction, userId: UserId): Promise<UserId | undefined> {
    const rules = (await room.stateEvent('m.room.join_rules', ''))?.content;
    const { version } = room.head;
    const restricted =
      (version.restricted && rules?.join_rule === 'restricted') ||
      (version.knockRestricted && rules?.join_rule === 'knock_restricted');
    if (!rules || !restricted) return undefined;
    await this.assertMeetsCondition(rules, userId);
    return this.#memberWhoMayInvite(room);
  }

  /** @throws MatrixError as `authorisingUser`. */
  async assertMeetsCondition(rules: JsonObject, userId: UserId): Promise<void> {
    const allowed = roomsAllowed(rules);
    const isOwn = serverNameOf(userId) === this.#serverName;
    for (const roomId of allowed) {
      if ((await this.#memberships.of(roomId, userId))?.membership !== 'join') continue;
      // Of a room that this server left it does not hear who else leaves it.
      if (isOwn || (await this.#isHere(roomId))) return;
    }
    if (!isOwn) await this.#assertAllKnown(allowed);
    throw forbidden('You are in none of the rooms whose members may join this one, and you are not invited');
  }

  /** Who is not in a room can be told only where all its members are known. */
  async #assertAllKnown(roomIds: readonly RoomId[]): Promise<void> {
    for (const roomId of roomIds) {
      if (!this.#partial.isPartial(roomId) && (await this.#isHere(roomId))) continue;
      const message =
        'This server does not know who is in all the rooms whose members may join: ask another one';
      throw new MatrixError(400, 'M_UNABLE_TO_AUTHORISE_JOIN', message);
    }
  }

  async #isHere(roomId: RoomId): Promise<boolean> {
    const row = await roomsStore.byId(this.#database, roomId);
    return row !== undefined && row.joined_count > row.remote_joined;
  }

  async #memberWhoMayInvite(room: RoomTransaction): Promise<UserId> {
    const create = await room.stateEvent('m.room.create', '');
    if (!create) throw notFound('There is no such room');
    const { version } = room.head;
    const levelsEvent = await room.stateEvent('m.room.power_levels', '');
    const levels = new PowerLevels(version, create, levelsEvent);
    const listed = isJsonObject(levelsEvent?.content.users) ? Object.keys(levelsEvent.content.users) : [];
    // Before version 12 anything may stand there.
    const additional = version.roomIdIsCreateHash ? create.content.additional_creators : undefined;
    const creators = [create.sender, ...(Array.isArray(additional) ? additional : [])];
    const candidates = [...creators, ...listed] as UserId[];
    const someone = await membershipsStore.ofServer(this.#database, room.roomId, this.#serverName, 20);
    for (const userId of [...candidates, ...someone]) {
      if (serverNameOf(userId) !== this.#serverName || levels.userLevel(userId) < levels.invite) continue;
      if ((await room.membership(userId)) === 'join') return userId;
    }
    const message = 'Nobody on this server who is in the room may invite, so nobody can vouch for you';
    throw new MatrixError(400, 'M_UNABLE_TO_GRANT_JOIN', message);
  }
}

function roomsAllowed(rules: JsonObject): RoomId[] {
  const allow = Array.isArray(rules.allow) ? rules.allow : [];
  return allow.flatMap((condition) =>
    isJsonObject(condition) && condition.type === 'm.room_membership' && typeof condition.room_id === 'string'
      ? [condition.room_id as RoomId]
      : [],
  );
}

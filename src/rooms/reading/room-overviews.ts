import { parseRoomId, type RoomId, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { ROOM_VERSIONS } from '../../protocol/room-versions.ts';
import type { Database } from '../../storage/database.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import * as roomServersStore from '../../storage/federation/room-servers-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Memberships } from '../membership/memberships.ts';

/** What people may know of a room that they might join (Client-Server API, definition RoomSummary). */
export interface RoomOverview extends JsonObject {
  room_id: RoomId;
  num_joined_members: number;
  join_rule: string;
  guest_can_join: boolean;
  world_readable: boolean;
  /** Absent where another server does not say it. */
  room_version?: string;
  /** Absent for rooms without a type. */
  room_type?: string;
  /** Rooms whose members may join; absent unless the room is restricted. */
  allowed_room_ids?: RoomId[];
}

/** Taken for the version of a room of which none is told: who told of it minds the join rule. */
const newestVersion = [...ROOM_VERSIONS.values()].at(-1);

/** Rooms named by a join rule that are looked at. */
const MOST_ALLOWED_ROOMS = 50;

/** Says of rooms what is known before joining, and to whom. */
export class RoomOverviews {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #memberships: Memberships;

  constructor(database: Database, log: EventLog, memberships: Memberships) {
    this.#database = database;
    this.#log = log;
    this.#memberships = memberships;
  }

  /** The overview of a room, or undefined for an unknown one. Makes no check of who may know it. */
  async of(roomId: RoomId): Promise<RoomOverview | undefined> {
    const room = await roomsStore.byId(this.#database, roomId);
    if (!room) return undefined;
    const content = async (type: string) => (await this.#log.state(roomId, type, ''))?.content ?? {};
    const rules = await content('m.room.join_rules');
    const joinRule = text(rules.join_rule) ?? 'invite';
    const isRestricted = joinRule === 'restricted' || joinRule === 'knock_restricted';
    const overview: JsonObject = {
      room_id: roomId,
      num_joined_members: room.joined_count,
      name: text((await content('m.room.name')).name),
      topic: text((await content('m.room.topic')).topic),
      avatar_url: text((await content('m.room.avatar')).url),
      canonical_alias: text((await content('m.room.canonical_alias')).alias),
      room_type: text((await content('m.room.create')).type),
      join_rule: joinRule,
      guest_can_join: (await content('m.room.guest_access')).guest_access === 'can_join',
      world_readable: (await content('m.room.history_visibility')).history_visibility === 'world_readable',
      allowed_room_ids: isRestricted ? allowedRooms(rules) : undefined,
      encryption: text((await content('m.room.encryption')).algorithm),
      room_version: room.room_version,
    };
    for (const key of Object.keys(overview)) if (overview[key] === undefined) delete overview[key];
    return overview as RoomOverview;
  }

  /**
   * Whether somebody may know the room: its members, whoever may join it or ask to, and everybody when it is
   * world-readable (Client-Server API, "GET /rooms/{roomId}/hierarchy").
   *
   * @param userId undefined for somebody without an account.
   */
  async mayKnow(overview: RoomOverview, userId: UserId | undefined): Promise<boolean> {
    if (overview.world_readable) return true;
    const { join_rule: rule, room_version: id } = overview;
    const version = id === undefined ? newestVersion : ROOM_VERSIONS.get(id);
    const membership = userId && (await this.#memberships.of(overview.room_id, userId))?.membership;
    if (membership === 'join' || membership === 'invite') return true;
    if (membership === 'ban') return false;
    if (rule === 'public') return true;
    if (rule === 'knock' && version?.knock === true) return true;
    if (rule === 'knock_restricted' && version?.knockRestricted === true) return true;
    if (userId === undefined || version?.restricted !== true || rule !== 'restricted') return false;
    const joined = await this.#memberships.joined(userId);
    return (overview.allowed_room_ids ?? []).some((roomId) => joined.has(roomId));
  }

  /** Whether a server may know the room, as `mayKnow` says it for people: some of its users could join it or look into it. */
  async mayServerKnow(overview: RoomOverview, server: ServerName): Promise<boolean> {
    if (await this.mayKnow(overview, undefined)) return true;
    const rooms = [overview.room_id];
    if (overview.join_rule === 'restricted') rooms.push(...(overview.allowed_room_ids ?? []));
    for (const roomId of rooms) {
      if (await roomServersStore.isIn(this.#database, server, roomId)) return true;
    }
    return membershipsStore.hasInvited(this.#database, overview.room_id, server);
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function allowedRooms(rules: JsonObject): RoomId[] {
  const allow = Array.isArray(rules.allow) ? rules.allow.slice(0, MOST_ALLOWED_ROOMS) : [];
  const ids: RoomId[] = [];
  for (const one of allow) {
    if (!isJsonObject(one) || one.type !== 'm.room_membership' || typeof one.room_id !== 'string') continue;
    const roomId = parseRoomId(one.room_id);
    if (roomId !== undefined) ids.push(roomId);
  }
  return ids;
}

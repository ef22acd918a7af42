import type { Pdu } from '../../protocol/events/event.ts';
import {
  parseUserId,
  type EventId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { ROOM_VERSIONS, type RoomVersion } from '../../protocol/room-versions.ts';
import type { Appservices } from '../../accounts/application-services/appservices.ts';
import type { Database } from '../../storage/database.ts';
import * as appserviceQueuesStore from '../../storage/push/appservice-queues-store.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import * as strippedStates from '../../storage/rooms/stripped-states-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { eventOfPdu } from '../events/event-of-pdu.ts';
import type { StateChange } from '../events/room-changes.ts';
import type { HeadPoint } from '../appending/room-head.ts';
import { STRIPPED_TYPES } from './stripped-state.ts';

/** Events that are kept of what is told of a room, and bytes of their JSON, each and together. */
const MOST_STATE = 100;
const LARGEST_EVENT = 65_536;
const LARGEST_STATE = 131_072;

/** A membership event of a user of this server in a room that nobody of this server is in. */
export interface OutsideMembership {
  readonly roomId: RoomId;
  readonly version: RoomVersion;
  readonly userId: UserId;
  readonly eventId: EventId;
  readonly pdu: Pdu;
  /** The server by which it went, of a knock. */
  readonly via?: ServerName;
}

/** What is known of a room in which a user of this server is invited or knocks. */
export interface KnownFromOutside {
  readonly eventId: EventId;
  readonly version: RoomVersion;
  readonly stripped: readonly JsonObject[];
  /** The server by which a knock went. */
  readonly via: ServerName | undefined;
}

/** `KnownFromOutside` as it is kept. */
interface KnownText {
  readonly event_id: EventId;
  readonly room_version: string;
  readonly state: JsonObject[];
  readonly via?: ServerName | undefined;
}

/** What users of this server are in rooms that are not here: invited, knocking, or turned away. */
export class OutsideMemberships {
  readonly #database: Database;
  readonly #appservices: Appservices;

  constructor(database: Database, appservices: Appservices) {
    this.#database = database;
    this.#appservices = appservices;
  }

  /**
   * Whether this server has the room's state: somebody of it is in the room, or nobody of another server is, who could change
   * it.
   */
  async isHere(roomId: RoomId): Promise<boolean> {
    const counts = await this.countsOf(roomId);
    return counts !== undefined && isHereBy(counts);
  }

  /** Whether somebody of this server is in the room. */
  async hasMembers(roomId: RoomId): Promise<boolean> {
    const counts = await this.countsOf(roomId);
    return counts !== undefined && hasMembersBy(counts);
  }

  /** How many are in the room, as far as it is known here; undefined for a room that never was. */
  async countsOf(roomId: RoomId): Promise<MemberCounts | undefined> {
    const row = await roomsStore.byId(this.#database, roomId);
    return row && { joinedCount: row.joined_count, remoteJoined: row.remote_joined };
  }

  /** What a user is in a room that is not here, and what was told of that room. */
  async of(userId: UserId, roomId: RoomId): Promise<KnownFromOutside | undefined> {
    const text = await strippedStates.of(this.#database, userId, roomId);
    if (text === undefined) return undefined;
    const known = JSON.parse(text) as KnownText;
    const version = ROOM_VERSIONS.get(known.room_version);
    return version && { eventId: known.event_id, version, stripped: known.state, via: known.via };
  }

  /** What the user was told of those of the rooms that are not here and that the user is invited to or knocks on. */
  async *toldOf(
    userId: UserId,
    roomIds: readonly RoomId[],
  ): AsyncGenerator<{ readonly roomId: RoomId; readonly stripped: readonly JsonObject[] }> {
    for await (const row of strippedStates.ofInvited(this.#database, userId, roomIds)) {
      yield { roomId: row.room_id, stripped: (JSON.parse(row.state) as KnownText).state };
    }
  }

  /**
   * Keeps a membership event and tells the user, and the application services whose user it is.
   *
   * @param stripped what the user is shown of the room, of which only what is stripped state is kept; left as it is, if not
   *   given.
   */
  async set(member: OutsideMembership, stripped?: readonly unknown[]): Promise<void> {
    const { roomId, version, userId, eventId, pdu, via } = member;
    const unit = new UnitOfWork();
    const event = eventOfPdu(pdu, version, {
      ...{ eventId, roomId, isAside: true },
      authDepth: undefined,
      root: undefined,
    });
    const position = unit.position();
    eventsStore.keepAside(unit, event.toRow(), position);
    for (const { id } of this.#appservices.toldOf(userId)) {
      appserviceQueuesStore.addOutside(unit, id, { userId, roomId, eventId }, position);
    }
    const membership = String(event.content.membership);
    const { sender } = event;
    membershipsStore.set(unit, { userId, roomId, membership, eventId, sender }, position);
    if (stripped) {
      const state = boundedState(stripped.filter(isStrippedEvent).map(strippedOf));
      const known = { event_id: eventId, room_version: version.id, state, via } satisfies KnownText;
      strippedStates.set(unit, userId, roomId, JSON.stringify(known));
    }
    const data: StateChange = { version: 0, userId, membership, eventId, sender };
    unit.announce({ topic: 'state', position, rooms: [roomId], users: [userId], data });
    await this.#database.commit(unit);
  }
}

/** Whether it has what stripped state must have: clients are shown it as it is. */
function isStrippedEvent(event: unknown): event is JsonObject {
  if (!isJsonObject(event) || !isJsonObject(event.content)) return false;
  const { type, state_key: stateKey, sender } = event;
  const isBySomebody = typeof sender === 'string' && parseUserId(sender) !== undefined;
  return typeof type === 'string' && typeof stateKey === 'string' && isBySomebody;
}

/**
 * As many of the events as are kept, in the same order. Where that is not all of them, what a room is to be shown by goes
 * before what else its server tells: every sync with the invite has them.
 */
function boundedState(events: readonly JsonObject[]): JsonObject[] {
  const isUsual = ({ type }: JsonObject) =>
    type === 'm.room.member' || STRIPPED_TYPES.some((one) => one === type);
  const kept = new Set<JsonObject>();
  let left = LARGEST_STATE;
  for (const event of [...events.filter(isUsual), ...events.filter((event) => !isUsual(event))]) {
    const size = Buffer.byteLength(JSON.stringify(event));
    if (kept.size === MOST_STATE || size > Math.min(left, LARGEST_EVENT)) continue;
    kept.add(event);
    left -= size;
  }
  return events.filter((event) => kept.has(event));
}

/** Only what stripped state has (Client-Server API, "Stripped state"), of what may be whole events. */
function strippedOf({ type, state_key, sender, content, origin_server_ts: ts }: JsonObject): JsonObject {
  const stripped: JsonObject = { type, state_key, sender, content };
  if (type === 'm.room.create' && typeof ts === 'number') stripped.origin_server_ts = ts;
  return stripped;
}

/** How many are in a room, and how many of them are users of other servers. */
type MemberCounts = Pick<HeadPoint, 'joinedCount' | 'remoteJoined'>;

/** `OutsideMemberships.isHere`, of a room whose members are counted. */
export function isHereBy(counts: MemberCounts): boolean {
  return hasMembersBy(counts) || counts.remoteJoined === 0;
}

/** `OutsideMemberships.hasMembers`, of a room whose members are counted. */
export function hasMembersBy({ joinedCount, remoteJoined }: MemberCounts): boolean {
  return joinedCount > remoteJoined;
}

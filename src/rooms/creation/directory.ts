import { parseInstanceId } from '../../protocol/application-services/instance-id.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, invalidParam, notFound } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import * as networkRoomsStore from '../../storage/rooms/network-rooms-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { Aliases } from './aliases.ts';
import type { EventLog } from '../events/event-log.ts';

/** What a client asks of the directory. */
export interface DirectoryQuery {
  readonly limit?: number | undefined;
  readonly since?: string | undefined;
  readonly searchTerm?: string | undefined;
  /** The instance ID of the network whose directory is meant. */
  readonly network?: string | undefined;
  /** Whether rooms in the directories of all networks are meant, too. */
  readonly allNetworks?: boolean | undefined;
  /** Room types to list; null stands for rooms without one. */
  readonly roomTypes?: readonly (string | null)[] | undefined;
  /** Whether the rooms' aliases on this server are wanted, too. */
  readonly withAliases?: boolean;
}

/** A room of the directory, as it is kept and as it is shown. */
interface Listed {
  readonly row: roomsStore.RoomRow;
  readonly entry: JsonObject;
}

type DirectoryPlace = roomsStore.DirectoryPlace;

const BEGINNING: DirectoryPlace = { side: 'after', joinedCount: Number.MAX_SAFE_INTEGER, roomId: '' };
const DEFAULT_LIMIT = 50;
const MOST_ROOMS = 500;
/** Rooms looked at for one answer, when a search lets few of them through. */
const MOST_LOOKED_AT = 2_000;

/** The published rooms of this server (Client-Server API, "Published room directory"). */
export class Directory {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #aliases: Aliases;

  constructor(needs: { database: Database; log: EventLog; aliases: Aliases }) {
    this.#database = needs.database;
    this.#log = needs.log;
    this.#aliases = needs.aliases;
  }

  /** Whether the room is published. 404 for an unknown room. */
  async isPublished(roomId: RoomId): Promise<boolean> {
    const room = await roomsStore.byId(this.#database, roomId);
    if (!room) throw notFound('There is no such room');
    return room.published === 1;
  }

  /** Publishes a room or takes it out. 403 for one who may not set its canonical alias. */
  async setPublished(userId: UserId, roomId: RoomId, published: boolean): Promise<void> {
    await this.isPublished(roomId);
    if (!(await this.#aliases.maySetCanonicalAlias(userId, roomId))) {
      throw forbidden('Publishing a room takes the power level that its canonical alias takes');
    }
    const unit = new UnitOfWork();
    roomsStore.publish(unit, roomId, published);
    await this.#database.commit(unit);
  }

  /**
   * A page of the directory, the rooms with most members first.
   *
   * @throws MatrixError 400 for a `since` that is no token of this directory.
   */
  async list(query: DirectoryQuery): Promise<JsonObject> {
    if (query.network !== undefined) return this.#listNetwork(query.network, query);
    const since = query.since === '' ? undefined : query.since;
    const from = since === undefined ? BEGINNING : parsePlace(since);
    const { entries, end } = await this.#entriesFrom(from, query);
    const isForward = from.side === 'after';
    const first = isForward ? entries.at(0) : entries.at(-1);
    const last = isForward ? entries.at(-1) : entries.at(0);
    const count =
      query.allNetworks === true ? roomsStore.publishedInAllNetworksCount : roomsStore.publishedCount;
    const total = await count(this.#database);
    const chunk = (isForward ? entries : entries.toReversed()).map(({ entry }) => entry);
    const answer: JsonObject = { chunk, total_room_count_estimate: total };
    const next = isForward ? end : last && placeBeside(last.row, 'after');
    const previous = isForward ? since && first && placeBeside(first.row, 'before') : end;
    if (next) answer.next_batch = tokenOf(next);
    if (previous) answer.prev_batch = tokenOf(previous);
    return answer;
  }

  /** The rooms from a place on that match, as many as one answer may have, and where to go on, if there may be more. */
  async #entriesFrom(
    from: DirectoryPlace,
    query: DirectoryQuery,
  ): Promise<{ entries: Listed[]; end: DirectoryPlace | undefined }> {
    const limit = limitOf(query);
    const page = query.allNetworks === true ? roomsStore.publishedInAllNetworks : roomsStore.published;
    const wanted = Math.min(MOST_ROOMS, limit + 1);
    const entries: Listed[] = [];
    let place = from;
    for (let looked = 0; looked < MOST_LOOKED_AT;) {
      const rows = await page(this.#database, place, wanted);
      looked += rows.length;
      for (const row of rows) {
        if (entries.length === limit) return { entries, end: place };
        place = placeBeside(row, from.side);
        const entry = await this.#entry(row);
        if (!matches(entry, query)) continue;
        if (query.withAliases) entry.aliases = await this.#aliases.ofRoom(row.room_id as RoomId);
        entries.push({ row, entry });
      }
      if (rows.length < wanted) return { entries, end: undefined };
    }
    return { entries, end: place };
  }

  /** Puts a room into the directory of an application service's network, or takes it out. 404 for an unknown room. */
  async setNetwork(
    appserviceId: string,
    networkId: string,
    roomId: RoomId,
    published: boolean,
  ): Promise<void> {
    await this.isPublished(roomId);
    const unit = new UnitOfWork();
    const change = published ? networkRoomsStore.publish : networkRoomsStore.withdraw;
    change(unit, appserviceId, networkId, roomId);
    await this.#database.commit(unit);
  }

  /** A page of a network's directory, in the order of room IDs. */
  async #listNetwork(network: string, query: DirectoryQuery): Promise<JsonObject> {
    const of = parseInstanceId(network);
    const limit = limitOf(query);
    const since = query.since === '' ? undefined : query.since;
    const from = parseNetworkPlace(since ?? '');
    const isForward = from.side === 'after';
    const found = await networkRoomsStore.page(this.#database, of, from, limit + 1);
    const nearest = found.slice(0, limit);
    const page = isForward ? nearest : nearest.toReversed();
    const chunk: JsonObject[] = [];
    for (const roomId of page) {
      const row = await roomsStore.byId(this.#database, roomId);
      const entry = row && (await this.#entry(row));
      if (entry && matches(entry, query)) chunk.push(entry);
    }
    const total = await networkRoomsStore.count(this.#database, of);
    const answer: JsonObject = { chunk, total_room_count_estimate: total };
    const hasMore = found.length > limit;
    const [first, last] = [page.at(0), page.at(-1)];
    if (last !== undefined && (hasMore || !isForward)) answer.next_batch = last;
    if (first !== undefined && (isForward ? since !== undefined : hasMore)) answer.prev_batch = `-${first}`;
    return answer;
  }

  async #entry(row: roomsStore.RoomRow): Promise<JsonObject> {
    const roomId = row.room_id as RoomId;
    const content = async (type: string) => (await this.#log.state(roomId, type, ''))?.content ?? {};
    const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
    const entry: JsonObject = {
      room_id: roomId,
      num_joined_members: row.joined_count,
      name: text((await content('m.room.name')).name),
      topic: text((await content('m.room.topic')).topic),
      avatar_url: text((await content('m.room.avatar')).url),
      canonical_alias: text((await content('m.room.canonical_alias')).alias),
      room_type: text((await content('m.room.create')).type),
      join_rule: text((await content('m.room.join_rules')).join_rule) ?? 'invite',
      guest_can_join: (await content('m.room.guest_access')).guest_access === 'can_join',
      world_readable: (await content('m.room.history_visibility')).history_visibility === 'world_readable',
    };
    for (const key of Object.keys(entry)) if (entry[key] === undefined) delete entry[key];
    return entry;
  }
}

function matches(entry: JsonObject, query: DirectoryQuery): boolean {
  if (query.roomTypes && !query.roomTypes.includes((entry.room_type as string | undefined) ?? null)) {
    return false;
  }
  const term = query.searchTerm?.toLowerCase();
  if (term === undefined || term === '') return true;
  return [entry.name, entry.topic, entry.canonical_alias].some(
    (value) => typeof value === 'string' && value.toLowerCase().includes(term),
  );
}

/** A limit of 0 is none (Server-Server API, "GET publicRooms"), and there is a most for all. */
function limitOf({ limit = DEFAULT_LIMIT }: DirectoryQuery): number {
  return limit === 0 ? MOST_ROOMS : Math.min(limit, MOST_ROOMS);
}

function placeBeside(row: roomsStore.RoomRow, side: DirectoryPlace['side']): DirectoryPlace {
  return { side, joinedCount: row.joined_count, roomId: row.room_id };
}

function tokenOf({ side, joinedCount, roomId }: DirectoryPlace): string {
  return `${side === 'after' ? '' : '-'}${joinedCount}_${roomId}`;
}

/** The empty text is the beginning. */
function parseNetworkPlace(token: string): networkRoomsStore.NetworkPlace {
  const isBefore = token.startsWith('-');
  return { side: isBefore ? 'before' : 'after', roomId: isBefore ? token.slice(1) : token };
}

function parsePlace(token: string): DirectoryPlace {
  const match = /^(-?)(\d{1,15})_(!.+)$/.exec(token);
  if (!match?.[3]) throw invalidParam('"since" must be a "next_batch" or "prev_batch" of this directory');
  return { side: match[1] === '-' ? 'before' : 'after', joinedCount: Number(match[2]), roomId: match[3] };
}

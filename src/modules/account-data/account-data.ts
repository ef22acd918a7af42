import { boundedCache } from '../../platform/bounded-cache.ts';
import { KeyedQueue } from '../../platform/keyed-queue.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { notFound } from '../../protocol/matrix-error.ts';
import * as accountDataStore from '../../storage/accounts/account-data-store.ts';
import type { AccountDataRow } from '../../storage/accounts/account-data-store.ts';
import { GuardFailed, type Database, type Writer } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import { UnitOfWork, type Position } from '../../storage/unit-of-work.ts';
import type { AccountSections, EventText, RoomSections, SyncPart, SyncRequest } from '../sync-part.ts';

/** Data that belongs to no room. */
const NO_ROOM = '';
const CACHED = 10_000;
/** What the types begin with that hold one device's notification settings; the device ID follows (MSC3890). */
const DEVICE_SETTINGS = 'org.matrix.msc3890.local_notification_settings.';
/** The content of an entry that was removed. */
const REMOVED = '{}';
/** How often a change is made anew because others changed the entry meanwhile. */
const MOST_TRIES = 20;

/** What clients keep for a user (Client-Server API, "Client Config"), tags and ignored users among it. */
export class AccountData implements SyncPart {
  readonly #database: Database;
  readonly #edits = new KeyedQueue();
  readonly #ofRequest = new WeakMap<SyncRequest, Promise<Map<string, AccountDataRow[]>>>();
  readonly #ignored: ReadCache<UserId, ReadonlySet<UserId>>;

  constructor(database: Database) {
    this.#database = database;
    this.#ignored = new ReadCache(database, boundedCache(CACHED), ({ topic, users }) =>
      topic === 'account-data' ? users : [],
    );
  }

  /** One entry's content. 404 when it is not set. */
  async get(userId: UserId, roomId: RoomId | undefined, type: string): Promise<JsonObject> {
    const content = await this.find(userId, roomId, type);
    if (!content) throw notFound(`There is no account data "${type}"`);
    return content;
  }

  /** One entry's content, or undefined. */
  async find(userId: UserId, roomId: RoomId | undefined, type: string): Promise<JsonObject | undefined> {
    const row = await accountDataStore.get(this.#database, userId, roomId ?? NO_ROOM, type);
    return row && contentOf(row);
  }

  /** What is set of one type in the user's rooms. */
  async ofRooms(userId: UserId, type: string): Promise<ReadonlyMap<RoomId, JsonObject>> {
    const rows = await accountDataStore.ofType(this.#database, userId, type);
    return new Map(rows.map((row) => [row.room_id as RoomId, contentOf(row) ?? {}]));
  }

  /** Rooms for which the user's data changed after a position and not after another. */
  async changedRooms(userId: UserId, range: { after: number; upTo: number }): Promise<ReadonlySet<RoomId>> {
    const rows = await accountDataStore.changedAnywhere(this.#database, userId, range);
    return new Set(
      rows.map((row) => row.room_id as RoomId).filter((roomId) => (roomId as string) !== NO_ROOM),
    );
  }

  /** Sets an entry. Empty content removes it (MSC3391). */
  async put(userId: UserId, roomId: RoomId | undefined, type: string, content: JsonObject): Promise<void> {
    const unit = new UnitOfWork();
    const position = unit.position();
    const entry = { room: roomId ?? NO_ROOM, type, content: JSON.stringify(content) };
    accountDataStore.put(unit, userId, entry, position);
    unit.announce({ topic: 'account-data', position, users: [userId], data: { type } });
    await this.#database.commit(unit);
  }

  /** Removes an entry: syncs that knew it are given empty content. Nothing happens where there is none. */
  async remove(userId: UserId, roomId: RoomId | undefined, type: string): Promise<void> {
    if (await this.find(userId, roomId, type)) await this.put(userId, roomId, type, {});
  }

  /** Adds to a unit of work that ends devices: the settings that were kept for them go with them (MSC3890). */
  forgetEndedDevices(unit: Writer, userId: UserId): Promise<void> {
    const position = unit.position();
    accountDataStore.emptyOfEndedDevices(unit, userId, DEVICE_SETTINGS, position);
    unit.announce({ topic: 'account-data', position, users: [userId], data: { type: DEVICE_SETTINGS } });
    return Promise.resolve();
  }

  /**
   * Changes an entry by what it is now. Nothing that another request, of any process, sets meanwhile is lost.
   *
   * @param edit gives the new content; undefined leaves the entry as it is. May be called again.
   * @param also what else belongs into the unit of work that changes it, given the content before.
   */
  async edit(
    userId: UserId,
    roomId: RoomId | undefined,
    type: string,
    edit: (content: JsonObject | undefined) => JsonObject | undefined | Promise<JsonObject | undefined>,
    also: (unit: Writer, at: Position, before: JsonObject | undefined) => void = () => undefined,
  ): Promise<void> {
    const room = roomId ?? NO_ROOM;
    await this.#edits.run(`${userId}\0${room}\0${type}`, async () => {
      for (let left = MOST_TRIES; ; left--) {
        const row = await accountDataStore.get(this.#database, userId, room, type);
        const before = row && contentOf(row);
        const content = await edit(before);
        if (!content) return;
        const unit = new UnitOfWork();
        const position = unit.position();
        const entry = { room, type, content: JSON.stringify(content) };
        accountDataStore.replace(unit, userId, entry, position, row?.position);
        also(unit, position, before);
        unit.announce({ topic: 'account-data', position, users: [userId], data: { type } });
        try {
          return await this.#database.commit(unit);
        } catch (error) {
          if (!(error instanceof GuardFailed) || left <= 1) throw error;
        }
      }
    });
  }

  /** Users whom the user ignores (`m.ignored_user_list`). */
  async ignoredUsers(userId: UserId): Promise<ReadonlySet<UserId>> {
    return this.#ignored.get(userId, async () => {
      const content = await this.find(userId, undefined, 'm.ignored_user_list');
      const listed = content?.ignored_users;
      return new Set((isJsonObject(listed) ? Object.keys(listed) : []) as UserId[]);
    });
  }

  async account(request: SyncRequest): Promise<AccountSections | undefined> {
    if (!this.#changed(request)) return undefined;
    const rows = await this.#rows(request, NO_ROOM, request.since);
    const { matches } = request.filter.accountData;
    const accountData = shown(rows, request.since)
      .filter((row) => matches({ type: row.type }))
      .map(eventText);
    return accountData.length === 0 ? undefined : { accountData };
  }

  async room(request: SyncRequest, roomId: RoomId): Promise<RoomSections | undefined> {
    const isNew = request.newlyJoined.has(roomId);
    if (!isNew && !this.#changed(request)) return undefined;
    const since = isNew ? undefined : request.since;
    const rows = shown(await this.#rows(request, roomId, since), since);
    const { matches } = request.filter.room.accountData;
    const accountData = rows.filter((row) => matches({ type: row.type, roomId })).map(eventText);
    return accountData.length === 0 ? undefined : { accountData };
  }

  #changed(request: SyncRequest): boolean {
    const { since, userId, recent } = request;
    return since === undefined || recent.userChangedSince(userId, since, 'account-data');
  }

  /** One query serves all rooms of a sync. */
  async #rows(request: SyncRequest, room: string, since: number | undefined): Promise<AccountDataRow[]> {
    const range = { after: since ?? Number.MIN_SAFE_INTEGER, upTo: request.upTo };
    if (since !== request.since) return accountDataStore.changed(this.#database, request.userId, room, range);
    let rows = this.#ofRequest.get(request);
    if (!rows) {
      rows = accountDataStore
        .changedAnywhere(this.#database, request.userId, range)
        .then((found) => Map.groupBy(found, (row) => row.room_id));
      this.#ofRequest.set(request, rows);
    }
    return (await rows).get(room) ?? [];
  }
}

/** A client that has nothing yet is not told of what was removed. */
function shown(rows: readonly AccountDataRow[], since: number | undefined): readonly AccountDataRow[] {
  return since === undefined ? rows.filter((row) => row.content !== REMOVED) : rows;
}

function contentOf(row: AccountDataRow): JsonObject | undefined {
  return row.content === REMOVED ? undefined : (JSON.parse(row.content) as JsonObject);
}

function eventText(row: AccountDataRow): EventText {
  return `{"type":${JSON.stringify(row.type)},"content":${row.content}}`;
}

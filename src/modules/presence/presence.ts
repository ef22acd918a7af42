import { boundedCache } from '../../platform/bounded-cache.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden } from '../../protocol/matrix-error.ts';
import type { RoomReads } from '../../rooms/room-reads.ts';
import type { Change, Database } from '../../storage/database.ts';
import * as presenceStore from '../../storage/presence-store.ts';
import type { PresenceRow } from '../../storage/presence-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { AccountSections, EventText, SyncPart, SyncRequest } from '../sync-part.ts';

export type PresenceState = 'online' | 'unavailable' | 'offline';

/** Who does not sync for this long is offline. */
const OFFLINE_AFTER_MS = 90_000;
const SWEEP_MS = 30_000;
const ACTIVE_MS = 60_000;
/** Rooms whose members are told of one user's presence at most. */
const MOST_ROOMS = 200;
/** Changes that are remembered for syncs. */
const REMEMBERED = 5_000;
/** An initial sync shows this many people of this many rooms at most. */
const INITIAL = { rooms: 20, people: 50 };

interface Known {
  presence: PresenceState;
  statusMsg: string | undefined;
  lastActiveAt: number;
  seenAt: number;
}

interface Remembered {
  readonly position: number;
  readonly userId: UserId;
  readonly rooms: readonly RoomId[];
}

/** Who is there (Client-Server API, "Presence"). */
export class Presence implements SyncPart {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #clock: { now(): number };
  readonly #enabled: boolean;
  /** Users who sync at this process. */
  readonly #here = new Map<UserId, Known>();
  readonly #rows = boundedCache<UserId, PresenceRow>(20_000);
  #changes: Remembered[] = [];
  /** Changes up to here are not remembered. */
  #floor: number;
  readonly #sweeper: NodeJS.Timeout;

  constructor(database: Database, rooms: RoomReads, clock: { now(): number }, enabled: boolean) {
    this.#database = database;
    this.#rooms = rooms;
    this.#clock = clock;
    this.#enabled = enabled;
    this.#floor = database.position();
    database.subscribe((changes) => {
      for (const change of changes) this.#note(change);
    });
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /**
   * A client of the user syncs. Costs nothing but when the presence changes.
   *
   * @returns what is to be awaited before the sync is answered, so that the user's own coming does not end the next one;
   *   undefined when nothing changed.
   */
  seen(session: { userId: UserId }, setPresence: PresenceState): Promise<void> | undefined {
    if (!this.#enabled || setPresence === 'offline') return undefined;
    const now = this.#clock.now();
    const known = this.#here.get(session.userId);
    if (known && known.presence === setPresence) {
      known.seenAt = now;
      if (setPresence === 'online') known.lastActiveAt = now;
      return undefined;
    }
    return this.#set(session.userId, setPresence, known?.statusMsg);
  }

  /** Sets one's own presence. 403 for another's. */
  async set(
    asker: UserId,
    userId: UserId,
    presence: PresenceState,
    statusMsg: string | undefined,
  ): Promise<void> {
    if (asker !== userId) throw forbidden('You can set your own presence only');
    if (this.#enabled) await this.#set(userId, presence, statusMsg);
  }

  /** The presence of oneself or of somebody with whom one shares a room. */
  async get(asker: UserId, userId: UserId): Promise<JsonObject> {
    if (asker !== userId && !(await this.#rooms.shareRoom(asker, userId))) {
      throw forbidden('You see the presence of people with whom you share a room');
    }
    const row = await this.#row(userId);
    return row ? this.#content(row) : { presence: 'offline' };
  }

  async account(request: SyncRequest): Promise<AccountSections | undefined> {
    const { since, upTo } = request;
    if (!this.#enabled) return undefined;
    const newest = this.#changes.at(-1)?.position ?? this.#floor;
    const came = since === undefined ? [] : await this.#whoCame(request, since);
    const nobodyCame = came.length === 0 && request.newlyJoined.size === 0;
    if (since !== undefined && newest <= since && nobodyCame) return undefined;
    const rows =
      since === undefined || since < this.#floor
        ? await this.#inRooms([...request.joinedRooms], upTo)
        : [
            ...(await this.#since(request, since)),
            ...(await this.#inRooms([...request.newlyJoined], upTo)),
            ...came,
          ];
    const presence = [...new Map(rows.map((row) => [row.user_id, row])).values()]
      .filter((row) => request.filter.presence.matches({ type: 'm.presence', sender: row.user_id }))
      .map((row) => this.#text(row));
    return presence.length === 0 ? undefined : { presence };
  }

  /** Stops the timer. */
  close(): void {
    clearInterval(this.#sweeper);
  }

  async #set(userId: UserId, presence: PresenceState, statusMsg: string | undefined): Promise<void> {
    const now = this.#clock.now();
    const before = this.#here.get(userId);
    const lastActiveAt = presence === 'online' ? now : (before?.lastActiveAt ?? now);
    const known: Known = { presence, statusMsg, lastActiveAt, seenAt: now };
    if (presence === 'offline') this.#here.delete(userId);
    else this.#here.set(userId, known);
    const joined = await this.#rooms.joinedRooms(userId);
    const rooms: RoomId[] = [];
    for (const roomId of joined) if (rooms.length < MOST_ROOMS) rooms.push(roomId);
    const unit = new UnitOfWork();
    const position = unit.position();
    presenceStore.put(unit, { userId, presence, statusMsg, lastActiveAt }, position);
    const data = { userId, presence, statusMsg: statusMsg ?? null, lastActiveAt };
    unit.announce({ topic: 'presence', position, users: [userId], rooms, data });
    await this.#database.commit(unit);
  }

  #note(change: Change): void {
    if (change.topic === 'reset') {
      this.#rows.clear();
      this.#changes = [];
      this.#floor = change.position;
    }
    if (change.topic !== 'presence') return;
    const { userId, presence, statusMsg, lastActiveAt } = change.data as JsonObject;
    const row: PresenceRow = {
      user_id: userId as string,
      presence: presence as string,
      status_msg: statusMsg as string | null,
      last_active_at: lastActiveAt as number,
      position: change.position,
    };
    this.#rows.set(userId as UserId, row);
    this.#changes.push({ position: change.position, userId: userId as UserId, rooms: change.rooms });
    if (this.#changes.length > 2 * REMEMBERED) {
      const dropped = this.#changes.splice(0, REMEMBERED);
      this.#floor = dropped.at(-1)?.position ?? this.#floor;
    }
  }

  async #since(request: SyncRequest, since: number): Promise<PresenceRow[]> {
    const rows: PresenceRow[] = [];
    for (let i = this.#changes.length - 1; i >= 0; i--) {
      const change = this.#changes[i];
      if (!change || change.position <= since) break;
      if (change.position > request.upTo) continue;
      const concerns =
        change.userId === request.userId || change.rooms.some((roomId) => request.joinedRooms.has(roomId));
      const row = concerns ? await this.#row(change.userId) : undefined;
      if (row) rows.push(row);
    }
    return rows;
  }

  /** Presence of those who came into rooms that the user was in already. */
  async #whoCame(request: SyncRequest, since: number): Promise<PresenceRow[]> {
    const rows: PresenceRow[] = [];
    for (const roomId of request.joinedRooms) {
      if (request.newlyJoined.has(roomId)) continue;
      if (!request.recent.roomChangedSince(roomId, since, 'membership')) continue;
      for (const userId of await this.#rooms.movedMembers(roomId, since, request.upTo)) {
        const isThere = (await this.#rooms.membership(roomId, userId))?.membership === 'join';
        const row = isThere && userId !== request.userId ? await this.#row(userId) : undefined;
        if (row) rows.push(row);
      }
    }
    return rows;
  }

  async #inRooms(rooms: readonly RoomId[], upTo: number): Promise<PresenceRow[]> {
    const found: PresenceRow[] = [];
    for (const roomId of rooms.slice(0, INITIAL.rooms)) {
      found.push(...(await presenceStore.presentInRoom(this.#database, roomId, INITIAL.people)));
    }
    return found.filter((row) => row.position <= upTo);
  }

  async #row(userId: UserId): Promise<PresenceRow | undefined> {
    const known = this.#rows.get(userId);
    if (known) return known;
    const row = await presenceStore.of(this.#database, userId);
    if (row) this.#rows.set(userId, row);
    return row;
  }

  #text(row: PresenceRow): EventText {
    return JSON.stringify({ type: 'm.presence', sender: row.user_id, content: this.#content(row) });
  }

  #content(row: PresenceRow): JsonObject {
    const ago = Math.max(0, this.#clock.now() - row.last_active_at);
    const content: JsonObject = { presence: row.presence, last_active_ago: ago };
    if (row.presence === 'online') content.currently_active = ago < ACTIVE_MS;
    if (row.status_msg !== null) content.status_msg = row.status_msg;
    return content;
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const [userId, known] of this.#here) {
      if (now - known.seenAt > OFFLINE_AFTER_MS) {
        this.#set(userId, 'offline', known.statusMsg).catch(() => undefined);
      }
    }
  }
}

import { boundedCache } from '../../platform/bounded-cache.ts';
import type { Timer, Timers } from '../../platform/timers.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { membershipChange } from '../../rooms/events/room-changes.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { RoomSections, SyncPart, SyncRequest } from '../sync-part.ts';

const DEFAULT_MS = 30_000;
const LONGEST_MS = 120_000;
/** How long the process that was told of the typing has to tell of its end before others do, in milliseconds. */
const GRACE_MS = 3_000;
/** Rooms in which somebody types now, at most; more are forgotten. */
const ROOMS = 20_000;

/** What happens when somebody's typing ends by itself. */
interface End {
  readonly timer: Timer;
  /** Whether this process was told of the typing. */
  readonly isOwn: boolean;
}

/** Who is typing (Client-Server API, "Typing Notifications"). Kept in memory; every process is told of each change. */
export class Typing implements SyncPart {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #clock: { now(): number };
  /** Until when people type, in ms. */
  readonly #typing = boundedCache<RoomId, Map<UserId, number>>(ROOMS);
  readonly #timers: Timers;
  readonly #ends = new Map<string, End>();

  constructor(database: Database, rooms: RoomReads, needs: { clock: { now(): number }; timers: Timers }) {
    this.#database = database;
    this.#rooms = rooms;
    this.#clock = needs.clock;
    this.#timers = needs.timers;
    database.subscribe((changes) => {
      for (const change of changes) {
        if (change.topic === 'typing') {
          this.#note(change.data as JsonObject);
          this.#watch(change.data as JsonObject, change.isOwn);
        }
        const changed = membershipChange(change);
        if (changed && changed.membership !== 'join') this.#gone(changed.userId, changed.roomId);
      }
    });
  }

  /** The user types, for at most `timeoutMs`, or has stopped. 403 for one who is not joined. */
  async set(userId: UserId, roomId: RoomId, typing: boolean, timeoutMs: number | undefined): Promise<void> {
    await this.#rooms.assertJoined(roomId, userId);
    await this.note(userId, roomId, typing, timeoutMs);
  }

  /** As `set`, of a user of whom it is known that he is joined. */
  async note(userId: UserId, roomId: RoomId, typing: boolean, timeoutMs?: number): Promise<void> {
    let isTyping = this.typing(roomId).includes(userId);
    if (typing === isTyping) {
      // Another process may have been told otherwise, and answered for that, before the notice is here.
      await this.#database.caughtUp();
      isTyping = this.typing(roomId).includes(userId);
    }
    if (!typing && !isTyping) return;
    const forMs = Math.min(Math.max(timeoutMs ?? DEFAULT_MS, 1), LONGEST_MS);
    this.#expire(userId, roomId, { afterMs: typing ? forMs : undefined, isOwn: true });
    // Who goes on typing is no news to anybody.
    const isNews = typing !== isTyping;
    await this.#announce(userId, roomId, typing ? this.#clock.now() + forMs : 0, isNews);
  }

  /** Who types in the room now. */
  typing(roomId: RoomId): UserId[] {
    const now = this.#clock.now();
    const users = this.#typing.get(roomId) ?? new Map<UserId, number>();
    return [...users].filter(([, until]) => until > now).map(([userId]) => userId);
  }

  room(request: SyncRequest, roomId: RoomId): Promise<RoomSections> | undefined {
    const { since, recent } = request;
    const isNew = since === undefined || request.newlyJoined.has(roomId);
    if (!isNew && !recent.roomChangedSince(roomId, since, 'typing')) return undefined;
    const users = this.typing(roomId);
    const wanted = request.filter.room.ephemeral.matches({ type: 'm.typing', roomId });
    if (!wanted || (isNew && users.length === 0)) return undefined;
    const content = JSON.stringify({ user_ids: users });
    return Promise.resolve({ ephemeral: [`{"type":"m.typing","content":${content}}`] });
  }

  /** The process that was told of the typing last tells of its end; should it be gone by then, the others do. */
  #watch({ roomId, userId, until }: JsonObject, isOwn: boolean): void {
    const end = this.#ends.get(`${String(roomId)}\0${String(userId)}`);
    if (isOwn && (until === 0 || end?.isOwn === true)) return;
    const left = Math.max(0, (until as number) - this.#clock.now()) + (isOwn ? 0 : GRACE_MS);
    this.#expire(userId as UserId, roomId as RoomId, { afterMs: until === 0 ? undefined : left, isOwn });
  }

  #expire(
    userId: UserId,
    roomId: RoomId,
    { afterMs, isOwn }: { afterMs: number | undefined; isOwn: boolean },
  ): void {
    const key = `${roomId}\0${userId}`;
    this.#ends.get(key)?.timer.cancel();
    this.#ends.delete(key);
    if (afterMs === undefined) return;
    const timer = this.#timers.after(afterMs, () => this.#end(userId, roomId, key));
    this.#ends.set(key, { timer, isOwn });
  }

  /** The clock may have been set back meanwhile. */
  #end(userId: UserId, roomId: RoomId, key: string): void {
    const isOwn = this.#ends.get(key)?.isOwn === true;
    this.#ends.delete(key);
    const until = this.#typing.get(roomId)?.get(userId);
    if (until === undefined) return;
    const left = until - this.#clock.now();
    if (left > 0) this.#expire(userId, roomId, { afterMs: left, isOwn });
    else this.#announce(userId, roomId, 0, true).catch(() => undefined);
  }

  /** Who is not in the room any more types no longer. The process that was told of the typing tells the others. */
  #gone(userId: UserId, roomId: RoomId): void {
    if (this.#typing.get(roomId)?.has(userId) !== true) return;
    this.#note({ roomId, userId, until: 0 });
    const isOwn = this.#ends.get(`${roomId}\0${userId}`)?.isOwn === true;
    this.#expire(userId, roomId, { afterMs: undefined, isOwn });
    if (!isOwn) return;
    this.#announce(userId, roomId, 0, true).catch(() => undefined);
  }

  async #announce(userId: UserId, roomId: RoomId, until: number, isNews: boolean): Promise<void> {
    const unit = new UnitOfWork();
    const rooms = isNews ? [roomId] : [];
    const data = { roomId, userId, until };
    unit.announce({ topic: 'typing', position: unit.position(), rooms, data });
    await this.#database.commit(unit);
  }

  #note(data: JsonObject): void {
    const roomId = data.roomId as RoomId;
    const users = this.#typing.get(roomId) ?? new Map<UserId, number>();
    const userId = data.userId as UserId;
    const until = data.until as number;
    if (until > 0) users.set(userId, until);
    else users.delete(userId);
    if (users.size > 0) this.#typing.set(roomId, users);
    else this.#typing.delete(roomId);
  }
}

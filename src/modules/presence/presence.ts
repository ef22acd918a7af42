import { boundedCache } from '../../platform/bounded-cache.ts';
import { every, type Timer, type Timers } from '../../platform/timers.ts';
import {
  serverNameOf,
  type DeviceId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden } from '../../protocol/matrix-error.ts';
import type { RoomReads } from '../../rooms/room-reads.ts';
import type { Change, Database } from '../../storage/database.ts';
import * as presenceStore from '../../storage/presence-store.ts';
import type { PresenceRow } from '../../storage/presence-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { Attendance, type PresenceState } from './attendance.ts';
import { RollCall } from './roll-call.ts';
import type { AccountSections, EventText, SyncPart, SyncRequest } from '../sync-part.ts';

/** How often it is looked who has gone or become idle, in milliseconds. */
const SWEEP_MS = 10_000;
/** When it is first asked which of those who are noted as present are anywhere; clients have come back by then. */
const ROLL_CALL_MS = 60_000;
const NEXT_ROLL_CALL_MS = 600_000;
const ACTIVE_MS = 60_000;
/** How long it holds what one says of oneself without a sync, in milliseconds. */
const SAID_MS = 60_000;
/** Rows that are read at a time when the absent are looked for. */
const PAGE = 500;
/** Where somebody is who asks without a device. */
const NO_DEVICE = '';
const RANK: Readonly<Record<string, number>> = { offline: 0, unavailable: 1, online: 2 };
/** Rooms whose members are told of one user's presence at most. */
const MOST_ROOMS = 200;
/** Changes that are remembered for syncs. */
const REMEMBERED = 5_000;
/** An initial sync shows this many people of this many rooms at most. */
const INITIAL = { rooms: 20, people: 50 };

/** What others were told of a user last. */
interface Told {
  readonly presence: PresenceState;
  readonly statusMsg: string | undefined;
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
  readonly #serverName: ServerName;
  readonly #attendance = new Attendance();
  /** Of those who are at this process. */
  readonly #told = new Map<UserId, Told>();
  readonly #rollCall: RollCall;
  readonly #rows = boundedCache<UserId, PresenceRow>(20_000);
  #changes: Remembered[] = [];
  /** Changes up to here are not remembered. */
  #floor: number;
  readonly #timers: Timers;
  readonly #sweeper: Timer;
  #nextRollCall: Timer;

  constructor(
    database: Database,
    rooms: RoomReads,
    needs: { clock: { now(): number }; timers: Timers; enabled: boolean; serverName: ServerName },
  ) {
    this.#database = database;
    this.#rooms = rooms;
    this.#clock = needs.clock;
    this.#enabled = needs.enabled;
    this.#serverName = needs.serverName;
    this.#floor = database.position();
    this.#timers = needs.timers;
    this.#rollCall = new RollCall(database, needs.timers, () => [...this.#told.keys()]);
    database.subscribe((changes) => {
      for (const change of changes) this.#note(change);
    });
    this.#sweeper = every(needs.timers, SWEEP_MS, () => this.sweep());
    this.#nextRollCall = needs.timers.after(ROLL_CALL_MS, () => this.#callTheRoll());
  }

  /**
   * A client of the user syncs, for up to `forMs`. Costs nothing but when the presence changes.
   *
   * @returns what is to be awaited before the sync is answered, so that the user's own coming does not end the next one;
   *   undefined when nothing changed.
   */
  seen(
    session: { userId: UserId; deviceId?: DeviceId | undefined },
    setPresence: PresenceState,
    forMs = 0,
  ): Promise<void> | undefined {
    if (!this.#enabled || setPresence === 'offline') return undefined;
    const { userId, deviceId = NO_DEVICE } = session;
    this.#attendance.seen(userId, deviceId, setPresence, this.#clock.now(), forMs);
    return this.#tellIfNew(userId);
  }

  /** Sets one's own presence, for the device that asks. 403 for another's. */
  async set(
    asker: { userId: UserId; deviceId: DeviceId | undefined },
    userId: UserId,
    presence: PresenceState,
    statusMsg: string | undefined,
  ): Promise<void> {
    if (asker.userId !== userId) throw forbidden('You can set your own presence only');
    if (!this.#enabled) return;
    const device = asker.deviceId ?? NO_DEVICE;
    if (presence === 'offline') this.#attendance.gone(userId, device);
    else this.#attendance.seen(userId, device, presence, this.#clock.now(), SAID_MS);
    const state = this.#attendance.stateOf(userId, this.#clock.now());
    await this.#tell(userId, state, statusMsg);
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

  /** Looks who has gone or become idle, and tells of them. */
  sweep(): void {
    for (const userId of this.#attendance.people()) this.#tellIfNew(userId)?.catch(() => undefined);
  }

  /** Notes as absent who is at no process: those whose process died, or whose server did not run. */
  async removeAbsent(): Promise<void> {
    const present = await this.#rollCall.ask();
    for (let after = '' as UserId | undefined; after !== undefined;) {
      const rows = await presenceStore.presentAfter(this.#database, after, PAGE);
      for (const row of rows) {
        const userId = row.user_id as UserId;
        const isGone = serverNameOf(userId) === this.#serverName && !present.has(userId);
        if (isGone && !this.#told.has(userId))
          await this.#tell(userId, 'offline', row.status_msg ?? undefined);
      }
      after = rows.length < PAGE ? undefined : (rows.at(-1)?.user_id as UserId);
    }
  }

  /** Stops the timers. */
  close(): void {
    this.#sweeper.cancel();
    this.#nextRollCall.cancel();
  }

  #callTheRoll(): void {
    if (!this.#enabled) return;
    this.removeAbsent().catch(() => undefined);
    if (this.#database.engine === 'sqlite') return;
    this.#nextRollCall = this.#timers.after(NEXT_ROLL_CALL_MS, () => this.#callTheRoll());
  }

  /** Tells others when what the user's devices amount to is not what was told last. */
  #tellIfNew(userId: UserId): Promise<void> | undefined {
    const state = this.#attendance.stateOf(userId, this.#clock.now());
    const told = this.#told.get(userId);
    if ((told?.presence ?? 'offline') === state) {
      if (state === 'offline') this.#attendance.forget(userId);
      return undefined;
    }
    if (told) return this.#tell(userId, state, told.statusMsg);
    // What one said of oneself stays when one comes back.
    const row = this.#rows.get(userId);
    if (row) return this.#tell(userId, state, row.status_msg ?? undefined);
    this.#told.set(userId, { presence: state, statusMsg: undefined });
    return this.#row(userId).then((known) => this.#tell(userId, state, known?.status_msg ?? undefined));
  }

  async #tell(userId: UserId, presence: PresenceState, statusMsg: string | undefined): Promise<void> {
    const lastActiveAt = this.#attendance.activeAt(userId) ?? this.#clock.now();
    if (presence === 'offline') {
      this.#attendance.forget(userId);
      this.#told.delete(userId);
    } else this.#told.set(userId, { presence, statusMsg });
    await this.note(userId, { presence, statusMsg, lastActiveAt });
  }

  /** The presence of a user, of whatever server, is this now. `lastActiveAt` in milliseconds. */
  async note(
    userId: UserId,
    known: { presence: PresenceState; statusMsg: string | undefined; lastActiveAt: number },
  ): Promise<void> {
    if (!this.#enabled) return;
    const { presence, statusMsg, lastActiveAt } = known;
    const joined = await this.#rooms.joinedRooms(userId);
    const rooms: RoomId[] = [];
    for (const roomId of joined) if (rooms.length < MOST_ROOMS) rooms.push(roomId);
    const unit = new UnitOfWork();
    const position = unit.position();
    presenceStore.put(unit, { userId, presence, statusMsg, lastActiveAt }, position);
    const data = { userId, presence, statusMsg: statusMsg ?? null, lastActiveAt };
    unit.announce({ topic: 'presence', position, users: [userId], rooms, data, local: true });
    await this.#database.commit(unit);
  }

  #note(change: Change): void {
    if (change.topic === 'reset') {
      this.#rows.clear();
      this.#changes = [];
      this.#floor = change.position;
    }
    if (change.topic === 'event' || change.topic === 'typing') this.#noteDeed(change);
    if (change.topic !== 'presence' || this.#rollCall.hear(change)) return;
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
    if (change.local === undefined) this.#insist(userId as UserId, row);
  }

  /** Who says something or types is active; whoever was idle is so no more. */
  #noteDeed({ data }: Change): void {
    const { sender, userId, until } = data as JsonObject;
    const who = (sender ?? (until === 0 ? undefined : userId)) as UserId | undefined;
    if (who === undefined || !this.#attendance.active(who, this.#clock.now())) return;
    if (this.#told.get(who)?.presence === 'unavailable') this.#tellIfNew(who)?.catch(() => undefined);
  }

  /** Another process told less of a user than this one knows: the user has devices at both. */
  #insist(userId: UserId, row: PresenceRow): void {
    const told = this.#told.get(userId);
    if (!told) return;
    const state = this.#attendance.stateOf(userId, this.#clock.now());
    if ((RANK[state] ?? 0) <= (RANK[row.presence] ?? 0)) return;
    this.#tell(userId, state, row.status_msg ?? undefined).catch(() => undefined);
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
    const activeAt = this.#attendance.activeAt(row.user_id as UserId) ?? 0;
    const ago = Math.max(0, this.#clock.now() - Math.max(row.last_active_at, activeAt));
    const content: JsonObject = { presence: row.presence, last_active_ago: ago };
    if (row.presence === 'online') content.currently_active = ago < ACTIVE_MS;
    if (row.status_msg !== null) content.status_msg = row.status_msg;
    return content;
  }
}

import { every, type Timer, type Timers } from '../../platform/timers.ts';
import type { DeviceId, ServerName, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { forbidden } from '../../protocol/matrix-error.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Change, Database } from '../../storage/database.ts';
import type { PresenceRow } from '../../storage/accounts/presence-store.ts';
import { Attendance, AVAILABILITY, type PresenceState } from './attendance.ts';
import { notedAsPresent } from './noted-as-present.ts';
import { mayObserve, observersOf, toldRooms } from './observers.ts';
import { presenceNews, type Noted, type Told } from './presence-news.ts';
import { RollCall } from './roll-call.ts';
import { PresenceRows } from './presence-rows.ts';
import { PresenceSync } from './presence-sync.ts';

/** How often it is looked who has gone or become idle, in milliseconds. */
const SWEEP_MS = 10_000;
/** When it is first asked which of those who are noted as present are anywhere; clients have come back by then. */
const ROLL_CALL_MS = 60_000;
const NEXT_ROLL_CALL_MS = 600_000;
/** How long it holds what one says of oneself without a sync, in milliseconds. */
const SAID_MS = 60_000;
/** Where somebody is who asks without a device. */
const NO_DEVICE = '';

interface PresenceNeeds {
  readonly clock: { now(): number };
  readonly timers: Timers;
  readonly enabled: boolean;
  readonly serverName: ServerName;
  readonly onNotKept: (error: unknown) => void;
}

/** Who is there (Client-Server API, "Presence"). */
export class Presence {
  /** What syncs tell of it. */
  readonly syncPart: PresenceSync;
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #needs: PresenceNeeds;
  readonly #attendance = new Attendance();
  /** Of those who are at this process. */
  readonly #told = new Map<UserId, Told>();
  readonly #rollCall: RollCall;
  readonly #rows: PresenceRows;
  readonly #sweeper: Timer;
  #nextRollCall: Timer;

  constructor(database: Database, rooms: RoomReads, needs: PresenceNeeds) {
    this.#database = database;
    this.#rooms = rooms;
    this.#needs = needs;
    this.#rows = new PresenceRows(database, needs.clock, this.#attendance);
    this.syncPart = new PresenceSync({ database, rooms, rows: this.#rows, enabled: needs.enabled });
    this.#rollCall = new RollCall(database, needs.timers, {
      all: () => [...this.#told.keys()],
      stays: (userId) => this.#stays(userId),
    });
    database.subscribe((changes) => {
      for (const change of changes) this.#note(change);
    });
    this.#sweeper = every(needs.timers, SWEEP_MS, () => void this.sweep().catch(() => undefined));
    this.#nextRollCall = needs.timers.after(ROLL_CALL_MS, () => this.#callTheRoll());
  }

  /**
   * A client of the user syncs, for up to `forMs`. Costs nothing but when the presence changes.
   *
   * @returns what is to be awaited before the sync is answered, so that the user's own coming does not end the next one;
   *   undefined when nothing changed. It does not fail: what cannot be told is told by the next sync or sweep.
   */
  seen(
    session: { userId: UserId; deviceId?: DeviceId | undefined },
    setPresence: PresenceState,
    forMs = 0,
  ): Promise<void> | undefined {
    if (!this.#needs.enabled || setPresence === 'offline') return undefined;
    const { userId, deviceId = NO_DEVICE } = session;
    const now = this.#needs.clock.now();
    // Who said that they are free for chat stays so while they sync.
    const isFree =
      setPresence === 'online' && this.#attendance.wishOf(userId, deviceId, now) === 'free_for_chat';
    this.#attendance.seen(userId, deviceId, isFree ? 'free_for_chat' : setPresence, now, forMs);
    return this.#tellIfNew(userId, deviceId)?.catch(this.#needs.onNotKept);
  }

  /** Sets one's own presence, for the device that asks. 403 for another's. */
  async set(
    asker: { userId: UserId; deviceId: DeviceId | undefined },
    userId: UserId,
    presence: PresenceState,
    statusMsg: string | undefined,
  ): Promise<void> {
    if (asker.userId !== userId) throw forbidden('You can set your own presence only');
    if (!this.#needs.enabled) return;
    const device = asker.deviceId ?? NO_DEVICE;
    if (presence === 'offline') this.#attendance.gone(userId, device);
    else this.#attendance.seen(userId, device, presence, this.#needs.clock.now(), SAID_MS);
    const state = this.#attendance.stateOf(userId, this.#needs.clock.now());
    await this.#tell(userId, state, statusMsg, device);
  }

  /** The presence of oneself, of somebody with whom one shares a room, or of somebody in one's presence list. */
  async get(asker: UserId, userId: UserId): Promise<JsonObject> {
    if (asker !== userId && !(await mayObserve(this.#database, this.#rooms, asker, userId)))
      throw forbidden('You see the presence of people with whom you share a room');
    const row = await this.#rows.of(userId);
    return row ? this.#rows.content(row) : { presence: 'offline' };
  }

  /** The event `m.presence` of a user; offline for one who was never seen. */
  async eventOf(userId: UserId): Promise<JsonObject> {
    const row = await this.#rows.of(userId);
    return row
      ? this.#rows.event(row)
      : { type: 'm.presence', sender: userId, content: { presence: 'offline' } };
  }

  /** What other servers are told of a user of this one. */
  async toServers(userId: UserId): Promise<JsonObject> {
    const row = await this.#rows.of(userId);
    return (row && this.#rows.toServers(row)) ?? { user_id: userId, presence: 'offline', last_active_ago: 0 };
  }

  /** The same at once, of one whose presence just changed. */
  news(userId: UserId): JsonObject | undefined {
    const row = this.#rows.known(userId);
    return row && this.#rows.toServers(row);
  }

  /** Tells everybody concerned of a user of this server anew, though only something beside the presence changed. */
  async retell(userId: UserId): Promise<void> {
    const row = await this.#rows.of(userId);
    await this.note(userId, {
      presence: (row?.presence ?? 'offline') as PresenceState,
      statusMsg: row?.status_msg ?? undefined,
      lastActiveAt: row?.last_active_at ?? this.#needs.clock.now(),
    });
  }

  /** Looks who has gone or become idle, and tells of them; of who has gone once no other process says that they are there. */
  async sweep(): Promise<void> {
    const gone: UserId[] = [];
    for (const userId of this.#attendance.people()) {
      if (this.#told.has(userId) && this.#isGone(userId)) gone.push(userId);
      else this.#tellIfNew(userId)?.catch(() => undefined);
    }
    if (gone.length === 0) return;
    const elsewhere = await this.#rollCall.askFor(gone);
    const telling: (Promise<void> | undefined)[] = [];
    for (const userId of gone) {
      if (!this.#isGone(userId)) continue;
      if (elsewhere.has(userId)) this.#leave(userId);
      else telling.push(this.#tellIfNew(userId));
    }
    await Promise.allSettled(telling);
  }

  /** Notes as absent who is at no process: those whose process died, or whose server did not run. */
  async removeAbsent(): Promise<void> {
    const present = await this.#rollCall.ask();
    for await (const { userId, row } of notedAsPresent(this.#database, this.#needs.serverName)) {
      if (present.has(userId) || this.#told.has(userId)) continue;
      await this.#tell(userId, 'offline', row.status_msg ?? undefined);
    }
  }

  /** Stops the timers. */
  close(): void {
    this.#sweeper.cancel();
    this.#nextRollCall.cancel();
  }

  #callTheRoll(): void {
    if (!this.#needs.enabled) return;
    this.removeAbsent().catch(() => undefined);
    if (this.#database.engine === 'sqlite') return;
    this.#nextRollCall = this.#needs.timers.after(NEXT_ROLL_CALL_MS, () => this.#callTheRoll());
  }

  /** Tells others when what the user's devices amount to is not what was told last, by what a device said, if it did. */
  #tellIfNew(userId: UserId, device?: string): Promise<void> | undefined {
    const state = this.#attendance.stateOf(userId, this.#needs.clock.now());
    const told = this.#told.get(userId);
    if ((told?.presence ?? 'offline') === state) {
      if (state === 'offline') this.#attendance.forget(userId);
      return undefined;
    }
    if (told) return this.#tell(userId, state, told.statusMsg, device);
    // What one said of oneself stays when one comes back.
    const row = this.#rows.known(userId);
    if (row) return this.#tell(userId, state, row.status_msg ?? undefined, device);
    const expected = { presence: state, statusMsg: undefined };
    this.#told.set(userId, expected);
    return this.#rows.of(userId).then(
      (known) => this.#tell(userId, state, known?.status_msg ?? undefined, device),
      (error: unknown) => {
        if (this.#told.get(userId) === expected) this.#told.delete(userId);
        throw error;
      },
    );
  }

  async #tell(
    userId: UserId,
    presence: PresenceState,
    statusMsg: string | undefined,
    device?: string,
  ): Promise<void> {
    const activeAt = this.#attendance.activeAt(userId);
    const before = this.#told.get(userId);
    const told = { presence, statusMsg };
    this.#told.set(userId, told);
    try {
      const lastActiveAt =
        activeAt ?? (await this.#rows.of(userId))?.last_active_at ?? this.#needs.clock.now();
      await this.note(userId, { presence, statusMsg, lastActiveAt, device });
    } catch (error) {
      if (this.#told.get(userId) === told) this.#isUntold(userId, presence, before);
      throw error;
    }
    if (this.#told.get(userId)?.presence === 'offline') this.#leave(userId);
  }

  /** It is to be told by whoever finds next that it is not what was told. */
  #isUntold(userId: UserId, presence: PresenceState, before: Told | undefined): void {
    if (before === undefined || before.presence === presence) this.#told.delete(userId);
    else this.#told.set(userId, before);
  }

  /** The presence of a user, of whatever server, is this now. */
  async note(userId: UserId, known: Noted): Promise<void> {
    if (!this.#needs.enabled) return;
    const rooms = await toldRooms(this.#rooms, userId);
    const { users, servers } = await observersOf(this.#database, this.#needs.serverName, userId);
    const seers = { rooms, users: [userId, ...users], servers };
    await this.#database.commit(presenceNews({ userId, ...known }, seers));
  }

  #note(change: Change): void {
    if (change.topic === 'reset') this.syncPart.restartAt(change.position);
    if (change.topic === 'event' || change.topic === 'typing') this.#noteDeed(change);
    if (change.topic !== 'presence' || this.#rollCall.hear(change)) return;
    const row = this.#rows.note(change);
    const userId = row.user_id as UserId;
    this.syncPart.note(change, userId);
    // The status may have been set by way of another process: what is told next is not to bring back the one before.
    const told = this.#told.get(userId);
    if (told) this.#told.set(userId, { ...told, statusMsg: row.status_msg ?? undefined });
    if (!change.isOwn) this.#insist(userId, row, (change.data as JsonObject).device);
  }

  /** Who says something or types is active; whoever was idle is so no more. */
  #noteDeed({ data }: Change): void {
    const { sender, userId, until } = data as JsonObject;
    const who = (sender ?? (until === 0 ? undefined : userId)) as UserId | undefined;
    if (who === undefined || !this.#attendance.active(who, this.#needs.clock.now())) return;
    if (this.#told.get(who)?.presence === 'unavailable') this.#tellIfNew(who)?.catch(() => undefined);
  }

  /**
   * Another process told less of a user than this one knows: the user has devices at both. Where a device said so there that
   * was here before, it is as it says.
   */
  #insist(userId: UserId, row: PresenceRow, device: JsonValue | undefined): void {
    const told = this.#told.get(userId);
    if (!told) return;
    const now = this.#needs.clock.now();
    const { presence, status_msg: text } = row;
    const isLess = (state: PresenceState) => AVAILABILITY[presence as PresenceState] < AVAILABILITY[state];
    if (!isLess(this.#attendance.stateOf(userId, now))) return;
    if (typeof device === 'string') this.#attendance.gone(userId, device);
    const state = this.#attendance.stateOf(userId, now);
    if (isLess(state)) this.#tell(userId, state, text ?? undefined).catch(() => undefined);
    else if (state !== 'offline') this.#told.set(userId, { presence: state, statusMsg: text ?? undefined });
    else this.#leave(userId);
  }

  #isGone(userId: UserId): boolean {
    return this.#attendance.stateOf(userId, this.#needs.clock.now()) === 'offline';
  }

  /** Somebody is not here any more, and nobody is told so. */
  #leave(userId: UserId): void {
    this.#attendance.forget(userId);
    this.#told.delete(userId);
  }

  /** Whether somebody is here who left another process; what that told of them is not to stay, where it was more. */
  #stays(userId: UserId): boolean {
    const told = this.#told.get(userId);
    if (!told || this.#isGone(userId)) return false;
    const state = this.#attendance.stateOf(userId, this.#needs.clock.now());
    if (this.#rows.known(userId)?.presence !== state)
      this.#tell(userId, state, told.statusMsg).catch(() => undefined);
    return true;
  }
}

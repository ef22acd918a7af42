import type { AccountSections } from '../modules/sync-part.ts';
import type { ClientFilter } from '../protocol/filter/client-filter.ts';
import type { DeviceId, RoomId, UserId } from '../protocol/identifiers.ts';
import type { RoomMembership } from '../rooms/reading/room-reads.ts';
import { parseSyncToken, syncToken } from '../rooms/reading/stream-token.ts';
import type { Database } from '../storage/database.ts';
import type { RecentChanges } from '../storage/recent-changes.ts';
import type { JsonPiece } from '../wire/endpoint.ts';
import { JsonPieces } from '../wire/json-pieces.ts';
import { isDepartureTold } from './forgotten-rooms.ts';
import { joinedRoom } from './joined-room.ts';
import { joinedSince } from './joined-since.ts';
import type { Notifier } from './notifier.ts';
import { leftRoom, strippedRoom } from './other-rooms.ts';
import type { StateName, SyncContext, SyncNeeds } from './sync-context.ts';

/** What a client asks of /sync. */
export interface SyncOptions {
  readonly userId: UserId;
  readonly deviceId: DeviceId | undefined;
  readonly since: string | undefined;
  readonly filter: ClientFilter;
  readonly fullState: boolean;
  readonly stateAs: StateName;
  /** Milliseconds to wait for something to tell. */
  readonly timeoutMs: number;
  /** Aborts when the client goes away or the server stops: the sync answers at once. */
  readonly signal: AbortSignal;
}

/** How long a sync waits for the members of all rooms that were joined since the last one, in ms. */
const LONGEST_WAIT_MS = 1_000;

/** Answers /sync (Client-Server API, "Syncing"). */
export class SyncService {
  readonly #database: Database;
  readonly #recent: RecentChanges;
  readonly #notifier: Notifier;
  readonly #needs: SyncNeeds;
  readonly #clock: { now(): number };
  readonly #ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  readonly #isInviteHidden: (invited: UserId, inviter: UserId) => Promise<boolean>;

  constructor(wiring: {
    database: Database;
    recent: RecentChanges;
    notifier: Notifier;
    needs: SyncNeeds;
    clock: { now(): number };
    ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
    isInviteHidden: (invited: UserId, inviter: UserId) => Promise<boolean>;
  }) {
    this.#database = wiring.database;
    this.#recent = wiring.recent;
    this.#notifier = wiring.notifier;
    this.#needs = wiring.needs;
    this.#clock = wiring.clock;
    this.#ignoredUsers = wiring.ignoredUsers;
    this.#isInviteHidden = wiring.isInviteHidden;
  }

  /**
   * What the user has not seen since the token, as pieces of JSON text; waits up to the timeout when there is nothing.
   *
   * @throws MatrixError 400 M_INVALID_PARAM for a token of another server.
   */
  async sync(options: SyncOptions): Promise<readonly JsonPiece[]> {
    const token = options.since === undefined ? undefined : parseSyncToken(options.since);
    const since = token?.position;
    const end = performance.now() + options.timeoutMs;
    if (token) for (const part of this.#needs.parts) await part.received?.(options, token.toDevice);
    if (since !== undefined) await this.#notifier.reached(since, options.timeoutMs, options.signal);
    if (wantsAllMembers(options)) await this.#whenMembersAreHere(options.userId, since);
    for (;;) {
      const upTo = Math.max(this.#database.position(), since ?? 0);
      const answer = await this.#answer(options, token, upTo);
      const left = end - performance.now();
      const mustAnswer = since === undefined || options.fullState || left <= 0 || options.signal.aborted;
      if (answer !== undefined) return answer;
      if (mustAnswer)
        return [`{"next_batch":"${syncToken(upTo, undefined)}"${await this.#accompanying(options)}}`];
      await this.#notifier.wait(options.userId, upTo, left, options.signal);
    }
  }

  /** Most rooms are whole within moments of a join: then the client that joined need not ask again for them. */
  async #whenMembersAreHere(userId: UserId, since = -1): Promise<void> {
    const { partialRooms, memberships } = this.#needs;
    if (partialRooms.count === 0) return;
    const end = performance.now() + LONGEST_WAIT_MS;
    for (const { roomId, membership, position } of (await memberships.ofUser(userId)).values()) {
      if (membership !== 'join' || position <= since || !partialRooms.isPartial(roomId)) continue;
      const left = end - performance.now();
      if (left <= 0) return;
      await partialRooms.whenComplete(roomId, left);
    }
  }

  /** The user's rooms. A client that wants all members gets a joined room once they are here. */
  async #roomsOf(options: SyncOptions, upTo: number): Promise<ReadonlyMap<RoomId, RoomMembership>> {
    const { partialRooms, memberships } = this.#needs;
    const rooms = await memberships.ofUser(options.userId);
    const later = partialRooms.completedAfter(upTo);
    if (partialRooms.count + later.length === 0 || !wantsAllMembers(options)) return rooms;
    const isShown = ({ roomId, membership }: RoomMembership) =>
      membership !== 'join' || !(partialRooms.isPartial(roomId) || later.includes(roomId));
    return new Map([...rooms].filter(([, room]) => isShown(room)));
  }

  async #answer(
    options: SyncOptions,
    token: { position: number; toDevice: number } | undefined,
    upTo: number,
  ): Promise<readonly JsonPiece[] | undefined> {
    const rooms = await this.#roomsOf(options, upTo);
    if (token && !options.fullState && !this.#mayHaveNews(options, rooms, token)) return undefined;
    const context = await this.#context(options, token, upTo, rooms);
    const sections = await this.#roomSections(context, rooms);
    const account = await this.#accountSections(context);
    if (sections.length === 0 && account.text === '' && !account.wakes && token) return undefined;
    const accompanying = await this.#accompanying(options);
    const head = `{"next_batch":"${syncToken(upTo, account.toDeviceUpTo)}"${account.text}${accompanying}`;
    return sections.length === 0 ? [`${head}}`] : [`${head},"rooms":{`, ...sections, '}}'];
  }

  #mayHaveNews(
    { userId, filter }: SyncOptions,
    rooms: ReadonlyMap<RoomId, RoomMembership>,
    { position, toDevice }: { position: number; toDevice: number },
  ): boolean {
    const recent = this.#recent;
    if (toDevice < position || recent.userChangedSince(userId, position)) return true;
    const listsChanged = recent.changedSince(position, 'device-list');
    const profilesChanged = filter.profileFields.length > 0 && recent.changedSince(position, 'profile');
    for (const [roomId, { membership }] of rooms) {
      if (membership !== 'join') continue;
      if (recent.roomChangedSince(roomId, position)) return true;
      if (listsChanged && recent.roomChangedSince(roomId, position, 'device-list')) return true;
      if (profilesChanged && recent.roomChangedSince(roomId, position, 'profile')) return true;
    }
    return false;
  }

  async #context(
    options: SyncOptions,
    token: { position: number; toDevice: number } | undefined,
    upTo: number,
    rooms: ReadonlyMap<RoomId, RoomMembership>,
  ): Promise<SyncContext> {
    const since = token?.position;
    const cameWhole =
      since === undefined || !wantsAllMembers(options) ? [] : this.#needs.partialRooms.completedAfter(since);
    const joined = await joinedSince(this.#needs, rooms.values(), since, cameWhole);
    const { userId, deviceId, filter, fullState, stateAs } = options;
    const ignored = await this.#ignoredUsers(userId);
    const now = this.#clock.now();
    const recent = this.#recent;
    return {
      userId,
      deviceId,
      since,
      toDeviceSince: token?.toDevice,
      upTo,
      filter,
      recent,
      ...joined,
      fullState,
      stateAs,
      ignored,
      now,
    };
  }

  /** Members of `rooms`, as pieces of JSON text: a room each, which together can be megabytes. */
  async #roomSections(
    context: SyncContext,
    rooms: ReadonlyMap<RoomId, RoomMembership>,
  ): Promise<JsonPiece[]> {
    const sections = new Map<string, JsonPieces>();
    const userChanged =
      context.since === undefined || context.recent.userChangedSince(context.userId, context.since);
    for (const room of [...rooms.values()]) {
      if (!context.filter.room.matchesRoom(room.roomId)) continue;
      const section = room.membership === 'ban' ? 'leave' : room.membership;
      const text = await this.#roomText(context, room, userChanged);
      if (text === undefined) continue;
      const found = sections.get(section) ?? new JsonPieces();
      found.add(room.roomId, text);
      sections.set(section, found);
    }
    const pieces: JsonPiece[] = [];
    for (const [section, found] of sections)
      pieces.push(pieces.length === 0 ? `"${section}":{` : `},"${section}":{`, ...found.pieces);
    if (pieces.length > 0) pieces.push('}');
    return pieces;
  }

  async #roomText(
    context: SyncContext,
    room: RoomMembership,
    userChanged: boolean,
  ): Promise<string | undefined> {
    const { since } = context;
    const changed = since === undefined || context.fullState || room.position > since;
    switch (room.membership) {
      case 'join':
        if (!changed && !userChanged && !context.recent.roomChangedSince(room.roomId, since))
          return undefined;
        return joinedRoom(this.#needs, context, room);
      case 'invite':
        if (!changed || context.ignored.has(room.sender)) return undefined;
        if (await this.#isInviteHidden(context.userId, room.sender)) return undefined;
        return strippedRoom(this.#needs, context.userId, room, 'invite_state');
      case 'knock':
        return changed ? strippedRoom(this.#needs, context.userId, room, 'knock_state') : undefined;
      default: {
        const wanted =
          since === undefined
            ? isLeftShownFirst(context, room)
            : await isDepartureTold(this.#needs, room, context.userId, since);
        return wanted ? leftRoom(this.#needs, context, room) : undefined;
      }
    }
  }

  /** Top-level members that every answer has, each with a comma before it. */
  async #accompanying(device: { userId: UserId; deviceId: DeviceId | undefined }): Promise<string> {
    let text = '';
    for (const part of this.#needs.parts) {
      for (const [key, value] of Object.entries((await part.accompany?.(device)) ?? {}))
        text += `,${JSON.stringify(key)}:${value}`;
    }
    return text;
  }

  /** Top-level members other than `rooms`, each with a comma before it. */
  async #accountSections(
    context: SyncContext,
  ): Promise<{ text: string; wakes: boolean; toDeviceUpTo: number | undefined }> {
    const found: AccountSections[] = [];
    for (const part of this.#needs.parts) {
      const section = await part.account?.(context);
      if (section) found.push(section);
    }
    let text = '';
    for (const [name, key] of SECTIONS) {
      const events = found.flatMap((section) => section[key] ?? []);
      if (events.length > 0) text += `,"${name}":{"events":[${events.join(',')}]}`;
    }
    for (const section of found) {
      for (const [key, value] of Object.entries(section.other ?? {}))
        text += `,${JSON.stringify(key)}:${value}`;
    }
    const toDeviceUpTo = found.find((section) => section.toDeviceUpTo !== undefined)?.toDeviceUpTo;
    return { text, wakes: found.some((section) => section.wakes === true), toDeviceUpTo };
  }
}

/**
 * Whether a first sync tells of a room that the user is out of: also where the filter asks for none that were left, of those
 * that others put them out of. As for whoever was syncing then, that is news to them.
 */
function isLeftShownFirst({ userId, filter }: SyncContext, room: RoomMembership): boolean {
  return !room.forgotten && (filter.room.includeLeave || room.sender !== userId);
}

function wantsAllMembers({ filter }: SyncOptions): boolean {
  return !filter.room.state.lazyLoadMembers;
}

const SECTIONS = [
  ['account_data', 'accountData'],
  ['presence', 'presence'],
  ['to_device', 'toDevice'],
] as const;

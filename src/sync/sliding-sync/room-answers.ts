import type { RoomId } from '../../protocol/identifiers.ts';
import { RequiredStates } from '../../protocol/sliding-sync/required-state.ts';
import type { RoomMembership } from '../../rooms/reading/room-reads.ts';
import { isDepartureTold } from '../forgotten-rooms.ts';
import type { SyncContext } from '../sync-context.ts';
import type { SentRoom, Settled } from './connection.ts';
import type { RoomExtensions } from './extensions.ts';
import type { ListView } from './list-views.ts';
import { roomEntry } from './room-entry.ts';
import { contextOf, type Answering, type RoomEntry, type RoomView } from './room-view.ts';
import type { SlidingSyncNeeds } from './sliding-sync-needs.ts';
import type { ListConfig, RoomConfig, RoomWishes } from './sliding-sync-options.ts';
import type { UserRooms } from './user-rooms.ts';
import { isInScope, Windows, type WantedRoom } from './windows.ts';

/** What an answer tells of rooms. */
export interface RoomAnswers {
  /** JSON text of each room of which there is something to tell. */
  readonly entries: ReadonlyMap<RoomId, string>;
  readonly ofRooms: RoomExtensions;
  /** JSON text of `lists`. */
  readonly lists: string;
  /** Rooms of which something else was sent once the client has the answer. */
  readonly changes: ReadonlyMap<RoomId, SentRoom>;
  readonly settled: Settled;
  /** Rooms in which something happened since the last answer; undefined when that is not known. */
  readonly changed: ReadonlySet<RoomId> | undefined;
}

/** Puts together what one answer tells of rooms. */
export class RoomAnswering {
  readonly #needs: SlidingSyncNeeds;
  readonly #wishes: RoomWishes;
  readonly #answering: Answering;
  readonly #rooms: UserRooms;
  readonly #contexts = new Map<number | undefined, SyncContext>();
  /** For rooms that the client gets from scratch: all of them are named in it. */
  #fresh: SyncContext | undefined = undefined;
  readonly #entries = new Map<RoomId, string>();
  readonly #changes = new Map<RoomId, SentRoom>();
  readonly #ofRooms: RoomExtensions = { accountData: new Map(), receipts: new Map(), typing: new Map() };

  constructor(needs: SlidingSyncNeeds, wishes: RoomWishes, answering: Answering, rooms: UserRooms) {
    this.#needs = needs;
    this.#wishes = wishes;
    this.#answering = answering;
    this.#rooms = rooms;
  }

  async answer(): Promise<RoomAnswers> {
    const { connection, userId } = this.#answering;
    const changed = await this.#changed();
    const views = new Map<ListConfig, ListView>();
    for (const list of this.#wishes.lists) views.set(list, await this.#rooms.view(list.filters));
    const windows = new Windows(this.#wishes, views);
    const settled = { rooms: this.#rooms, version: this.#rooms.version, asked: this.#wishes.asked };
    const isSettled = windows.areWhole && isSame(connection.settled, settled);
    const wanted = isSettled && changed ? wantedAmong(windows, changed) : windows.all();
    const freshRooms = new Set([...wanted.keys()].filter((roomId) => !connection.rooms.has(roomId)));
    if (freshRooms.size > 1) {
      this.#fresh = contextOf(this.#answering, { since: undefined, joinedRooms: freshRooms });
    }
    const memberships = await this.#needs.memberships.ofUser(userId);
    const direct = await this.#rooms.direct();
    for (const [roomId, one] of wanted) {
      const room = memberships.get(roomId);
      if (room) await this.#wanted(room, one, { changed, isDirect: direct.has(roomId) });
    }
    for (const roomId of changed ?? connection.rooms.keys()) {
      const sent = connection.rooms.get(roomId);
      if (!sent || wanted.has(roomId)) continue;
      const formerly = windows.formerly(roomId) ?? { config: configOf(sent), lists: [] };
      await this.#unwanted(memberships.get(roomId), sent, formerly);
    }
    return {
      entries: this.#entries,
      ofRooms: this.#ofRooms,
      lists: windows.counts(),
      changes: this.#changes,
      settled,
      changed,
    };
  }

  async #changed(): Promise<Set<RoomId> | undefined> {
    const { since, upTo, userId, recent } = this.#answering;
    if (since === undefined) return undefined;
    const changed = this.#rooms.changedSince(since);
    if (changed && this.#wishes.accountData && recent.userChangedSince(userId, since, 'account-data')) {
      const range = { after: since, upTo };
      for (const roomId of await this.#needs.accountData.changedRooms(userId, range)) changed.add(roomId);
    }
    return changed;
  }

  async #wanted(
    room: RoomMembership,
    wanted: WantedRoom,
    now: { changed: ReadonlySet<RoomId> | undefined; isDirect: boolean },
  ): Promise<void> {
    const { roomId } = room;
    const { connection, upTo } = this.#answering;
    if (room.position > upTo) return;
    const sent = connection.rooms.get(roomId);
    if (room.forgotten) return sent && this.#unwanted(room, sent, wanted);
    const isStripped = room.membership === 'invite' || room.membership === 'knock';
    const next: SentRoom = {
      seen: undefined,
      depth: isStripped ? 0 : wanted.config.timelineLimit,
      state: isStripped ? '[]' : wanted.config.state.key,
      hasReceipts: isInScope(this.#wishes.receipts, roomId, wanted),
      hasAccountData: isInScope(this.#wishes.accountData, roomId, wanted),
      isDirect: now.isDirect,
    };
    const mayHaveNews = now.changed?.has(roomId) ?? true;
    if (sent && !mayHaveNews && hasAll(sent, next)) return;
    const view = await this.#view(room, wanted, now.isDirect);
    const entry = await roomEntry(this.#needs, view);
    if (entry.text !== undefined) this.#entries.set(roomId, entry.text);
    await this.#addExtensions(view, entry, next);
    const after = { ...next, depth: isStripped ? 0 : entry.depth };
    if (!sent || !isEqual(sent, after)) this.#changes.set(roomId, after);
  }

  /** A room that the client knows and that is in none of its lists: it left it, or is told the rest later. */
  async #unwanted(room: RoomMembership | undefined, sent: SentRoom, formerly: WantedRoom): Promise<void> {
    const { since, upTo, userId, recent } = this.#answering;
    if (since === undefined || !room) return;
    const { roomId } = room;
    const after = sent.seen ?? since;
    if (!isGone(room)) {
      const mayHaveNews =
        this.#rooms.knows(since) ||
        recent.roomChangedSince(roomId, since) ||
        recent.userChangedSince(userId, since, 'account-data');
      if (sent.seen === undefined && mayHaveNews) this.#changes.set(roomId, { ...sent, seen: since });
      return;
    }
    if (room.position > upTo || !(await isDepartureTold(this.#needs, room, userId, after))) return;
    const view = await this.#view(room, formerly, sent.isDirect);
    const { text } = await roomEntry(this.#needs, view);
    if (text !== undefined) this.#entries.set(roomId, text);
    if (sent.seen !== undefined) this.#changes.set(roomId, { ...sent, seen: undefined });
  }

  async #view(room: RoomMembership, wanted: WantedRoom, isDirect: boolean): Promise<RoomView> {
    const answering = this.#answering;
    const sent = answering.connection.rooms.get(room.roomId);
    let after = sent && (sent.seen ?? answering.since);
    const isJoined = room.membership === 'join';
    if (
      after !== undefined &&
      isJoined &&
      room.position > after &&
      !(await this.#wasJoined(room.roomId, after))
    ) {
      after = undefined;
    }
    const upTo = isGone(room) ? Math.min(room.position, answering.upTo) : answering.upTo;
    return { answering, room, wanted, sent, after, upTo, isDirect };
  }

  async #wasJoined(roomId: RoomId, position: number): Promise<boolean> {
    const root = await this.#needs.states.rootAt(roomId, position);
    if (root === undefined) return false;
    return (await this.#needs.visibility.membershipAt(root, this.#answering.userId)) === 'join';
  }

  async #addExtensions(view: RoomView, entry: RoomEntry, next: SentRoom): Promise<void> {
    const { room, sent, after } = view;
    const { roomId } = room;
    const { accountData, receipts, typing } = this.#ofRooms;
    if (next.hasAccountData) {
      const context = this.#context(sent?.hasAccountData === true ? after : undefined);
      const found = (await this.#needs.accountData.room(context, roomId))?.accountData;
      if (found) accountData.set(roomId, `[${found.join(',')}]`);
    }
    if (room.membership !== 'join') return;
    if (next.hasReceipts) {
      const text = await this.#receipts(view, entry);
      if (text !== undefined) receipts.set(roomId, text);
    }
    if (isInScope(this.#wishes.typing, roomId, view.wanted)) {
      const text = (await this.#needs.typing.room(this.#context(after), roomId))?.ephemeral?.[0];
      if (text !== undefined) typing.set(roomId, text);
    }
  }

  async #receipts(view: RoomView, { shown }: RoomEntry): Promise<string | undefined> {
    const { room, sent, after } = view;
    const isFresh = after === undefined || sent?.hasReceipts !== true;
    if (!isFresh && !shown) {
      return (await this.#needs.receipts.room(this.#context(after), room.roomId))?.ephemeral?.[0];
    }
    const stretch = { from: shown?.from ?? 1, upTo: shown?.upTo ?? 0 };
    const { receipts } = this.#needs;
    const content =
      isFresh && this.#fresh
        ? await receipts.shownInitially(this.#fresh, room.roomId, stretch)
        : await receipts.shownAt(this.#answering.userId, room.roomId, {
            ...stretch,
            movedAfter: isFresh ? Number.MAX_SAFE_INTEGER : after,
          });
    return content && JSON.stringify({ type: 'm.receipt', content });
  }

  /** One object for all rooms that are at the same position: account data is read once for it. */
  #context(since: number | undefined): SyncContext {
    let context = this.#contexts.get(since);
    if (!context) {
      context = contextOf(this.#answering, { since });
      this.#contexts.set(since, context);
    }
    return context;
  }
}

function isGone({ membership }: RoomMembership): boolean {
  return membership === 'leave' || membership === 'ban';
}

function configOf(sent: SentRoom): RoomConfig {
  return { timelineLimit: sent.depth, state: RequiredStates.parse(sent.state) };
}

function isSame(one: Settled | undefined, other: Settled): boolean {
  return one?.rooms === other.rooms && one.version === other.version && one.asked === other.asked;
}

function wantedAmong(windows: Windows, changed: ReadonlySet<RoomId>): Map<RoomId, WantedRoom> {
  const wanted = new Map<RoomId, WantedRoom>();
  for (const roomId of changed) {
    const one = windows.wanted(roomId);
    if (one) wanted.set(roomId, one);
  }
  return wanted;
}

/** Whether nothing that is wanted now was left out before. */
function hasAll(sent: SentRoom, wanted: SentRoom): boolean {
  return (
    sent.seen === undefined &&
    sent.depth >= wanted.depth &&
    sent.state === wanted.state &&
    sent.hasReceipts === wanted.hasReceipts &&
    sent.hasAccountData === wanted.hasAccountData &&
    sent.isDirect === wanted.isDirect
  );
}

function isEqual(one: SentRoom, other: SentRoom): boolean {
  return hasAll(one, other) && one.depth === other.depth;
}

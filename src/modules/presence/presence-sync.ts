import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Change, Database } from '../../storage/database.ts';
import * as presenceListsStore from '../../storage/accounts/presence-lists-store.ts';
import * as presenceStore from '../../storage/accounts/presence-store.ts';
import type { PresenceRow } from '../../storage/accounts/presence-store.ts';
import type { AccountSections, SyncPart, SyncRequest } from '../sync-part.ts';
import type { PresenceRows } from './presence-rows.ts';

/** Changes that are remembered for syncs. */
const REMEMBERED = 5_000;
/** An initial sync shows this many people of this many rooms at most, beside those of the presence list. */
const INITIAL = { rooms: 20, people: 50 };

interface Remembered {
  readonly position: number;
  readonly userId: UserId;
  readonly rooms: readonly RoomId[];
  /** The user, and who has them in a presence list. */
  readonly users: readonly UserId[];
}

/** What a sync tells of presence: of people in the same rooms, and of those in one's presence list. */
export class PresenceSync implements SyncPart {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #rows: PresenceRows;
  readonly #enabled: boolean;
  #changes: Remembered[] = [];
  /** Changes up to here are not remembered. */
  #floor: number;

  constructor(needs: { database: Database; rooms: RoomReads; rows: PresenceRows; enabled: boolean }) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.#rows = needs.rows;
    this.#enabled = needs.enabled;
    this.#floor = needs.database.position();
  }

  /** Remembers a change of a user's presence. */
  note({ position, rooms, users }: Change, userId: UserId): void {
    this.#changes.push({ position, userId, rooms, users });
    if (this.#changes.length <= 2 * REMEMBERED) return;
    const dropped = this.#changes.splice(0, REMEMBERED);
    this.#floor = dropped.at(-1)?.position ?? this.#floor;
  }

  /** Changes up to a position were missed. */
  restartAt(position: number): void {
    this.#changes = [];
    this.#floor = position;
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
        ? [
            ...(await this.#inRooms([...request.joinedRooms], upTo)),
            ...(await presenceListsStore.presenceOf(this.#database, request.userId)),
          ]
        : [
            ...(await this.#since(request, since)),
            ...(await this.#inRooms([...request.newlyJoined], upTo)),
            ...came,
          ];
    const presence = [...new Map(rows.map((row) => [row.user_id, row])).values()]
      .filter((row) => request.filter.presence.matches({ type: 'm.presence', sender: row.user_id }))
      .map((row) => JSON.stringify(this.#rows.event(row)));
    return presence.length === 0 ? undefined : { presence };
  }

  async #since(request: SyncRequest, since: number): Promise<PresenceRow[]> {
    const rows: PresenceRow[] = [];
    for (let i = this.#changes.length - 1; i >= 0; i--) {
      const change = this.#changes[i];
      if (!change || change.position <= since) break;
      if (change.position > request.upTo) continue;
      const concerns =
        change.users.includes(request.userId) ||
        change.rooms.some((roomId) => request.joinedRooms.has(roomId));
      const row = concerns ? await this.#rows.of(change.userId) : undefined;
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
        const row = isThere && userId !== request.userId ? await this.#rows.of(userId) : undefined;
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
}

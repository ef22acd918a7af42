import type { RoomId } from '../../protocol/identifiers.ts';
import type { Reader } from '../../storage/database.ts';
import * as receiptsStore from '../../storage/rooms/receipts-store.ts';
import type { ReceiptRow } from '../../storage/rooms/receipts-store.ts';
import type { SyncRequest } from '../sync-part.ts';

/** The receipts that an initial sync shows: read for many rooms at once, as the sync comes to them. */
export class InitialReceipts {
  readonly #reader: Reader;
  readonly #request: SyncRequest;
  /** Rooms that were not read yet. */
  readonly #left: Set<RoomId>;
  readonly #found = new Map<RoomId, ReceiptRow[]>();

  constructor(reader: Reader, request: SyncRequest) {
    this.#reader = reader;
    this.#request = request;
    this.#left = new Set(request.joinedRooms);
  }

  /** The user's own receipts in a room and the newest public ones, 500 in all. */
  async of(roomId: RoomId): Promise<readonly ReceiptRow[]> {
    const { userId, upTo } = this.#request;
    const range = { after: Number.MIN_SAFE_INTEGER, upTo, limit: receiptsStore.ROWS_OF_ROOM };
    return (await this.all(roomId)) ?? receiptsStore.changed(this.#reader, roomId, userId, range);
  }

  /** All receipts in a room that the user may see; undefined when they are 500 or more. */
  async all(roomId: RoomId): Promise<readonly ReceiptRow[] | undefined> {
    if (!this.#found.has(roomId)) await this.#read(roomId);
    const rows = this.#found.get(roomId) ?? [];
    this.#found.delete(roomId);
    return rows.length < receiptsStore.ROWS_OF_ROOM ? rows : undefined;
  }

  /** Reads a room, and those that come after it. Of rooms with many receipts it finds that out. */
  async #read(roomId: RoomId): Promise<void> {
    const { filter, userId, upTo } = this.#request;
    const rooms = [roomId];
    this.#left.delete(roomId);
    for (const next of this.#left) {
      if (rooms.length === receiptsStore.ROOMS_AT_ONCE) break;
      this.#left.delete(next);
      if (filter.room.matchesRoom(next)) rooms.push(next);
    }
    for (const one of rooms) this.#found.set(one, []);
    for (const row of await receiptsStore.ofRooms(this.#reader, rooms, userId, upTo)) {
      this.#found.get(row.room_id as RoomId)?.push(row);
    }
  }
}

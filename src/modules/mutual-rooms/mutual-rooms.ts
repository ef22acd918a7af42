import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { invalidParam } from '../../protocol/matrix-error.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';

const PAGE = 200;

/** A page of the rooms that two users are joined to. */
export interface SharedRooms {
  readonly joined: readonly RoomId[];
  /** All such rooms, not only those of this page. */
  readonly count: number;
  /** Where the next page begins, if there is one. */
  readonly nextBatch: string | undefined;
}

/** Which rooms two people share (Client-Server API, "Mutual Rooms"). */
export class MutualRooms {
  readonly #rooms: RoomReads;

  constructor(rooms: RoomReads) {
    this.#rooms = rooms;
  }

  /**
   * A page of at most 200 rooms, in order of room ID.
   *
   * @param from `nextBatch` of the page before. It never expires.
   * @throws MatrixError 400 M_INVALID_PARAM for oneself and for a `from` that was not given here.
   */
  async with(asker: UserId, other: UserId, from: string | undefined): Promise<SharedRooms> {
    if (asker === other) throw invalidParam('"user_id" must be another user than yourself');
    const after = from === undefined ? '' : placeIn(from);
    const theirs = await this.#rooms.joinedRooms(other);
    const mine = await this.#rooms.joinedRooms(asker);
    const shared = [...mine].filter((roomId) => theirs.has(roomId)).sort();
    const joined = shared.filter((roomId) => roomId > after).slice(0, PAGE);
    const last = joined.at(-1);
    const hasMore = last !== undefined && last !== shared.at(-1);
    const nextBatch = hasMore ? Buffer.from(last).toString('base64url') : undefined;
    return { joined, count: shared.length, nextBatch };
  }
}

function placeIn(token: string): string {
  const place = Buffer.from(token, 'base64url').toString();
  if (place.startsWith('!') && Buffer.from(place).toString('base64url') === token) return place;
  throw invalidParam('"from" must be the "next_batch" of the page before');
}

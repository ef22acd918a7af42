import type { RoomId } from '../../protocol/identifiers.ts';
import type { ListView } from './list-views.ts';
import type { ExtensionScope, ListConfig, RoomConfig, RoomWishes } from './sliding-sync-options.ts';

/** A room that the client wants to be told of. */
export interface WantedRoom {
  readonly config: RoomConfig;
  /** Names of the lists that it is in. */
  readonly lists: readonly string[];
}

/** Which rooms a client's lists and subscriptions hold at the moment. */
export class Windows {
  readonly #wishes: RoomWishes;
  readonly #views: ReadonlyMap<ListConfig, ListView>;
  readonly #combined = new Map<string, WantedRoom>();

  /** @param views of each of the lists. */
  constructor(wishes: RoomWishes, views: ReadonlyMap<ListConfig, ListView>) {
    this.#wishes = wishes;
    this.#views = views;
  }

  /** Whether every list holds all rooms that pass its filters, wherever they are in the order. */
  get areWhole(): boolean {
    return this.#wishes.lists.every((list) => {
      const size = this.#views.get(list)?.size ?? 0;
      return list.ranges?.some(([from, to]) => from === 0 && to >= size - 1) ?? true;
    });
  }

  /** What is wanted of one room, where the lists are whole. */
  wanted(roomId: RoomId): WantedRoom | undefined {
    return this.#combine(
      roomId,
      this.#wishes.lists.filter((list) => this.#views.get(list)?.has(roomId)),
    );
  }

  /** What is wanted of a room that was in one of the lists, or subscribed to, and is no more. */
  formerly(roomId: RoomId): WantedRoom | undefined {
    const wanted = this.#combine(roomId, this.#wishes.lists);
    return wanted && { ...wanted, lists: [] };
  }

  /** All rooms that are wanted. */
  all(): Map<RoomId, WantedRoom> {
    const lists = new Map<RoomId, ListConfig[]>();
    for (const list of this.#wishes.lists) {
      for (const roomId of inRanges(list, this.#views.get(list))) {
        const others = lists.get(roomId);
        if (others) others.push(list);
        else lists.set(roomId, [list]);
      }
    }
    for (const roomId of this.#wishes.subscriptions.keys()) if (!lists.has(roomId)) lists.set(roomId, []);
    const wanted = new Map<RoomId, WantedRoom>();
    for (const [roomId, holding] of lists) {
      const one = this.#combine(roomId, holding);
      if (one) wanted.set(roomId, one);
    }
    return wanted;
  }

  /** How many rooms pass each list's filters, as JSON text. */
  counts(): string {
    const counts = this.#wishes.lists.map(
      (list) => `${JSON.stringify(list.name)}:{"count":${this.#views.get(list)?.size ?? 0}}`,
    );
    return `{${counts.join(',')}}`;
  }

  /** The wishes of lists and subscription together (MSC4186, "Combining room configs"). */
  #combine(roomId: RoomId, holding: readonly ListConfig[]): WantedRoom | undefined {
    const subscription = this.#wishes.subscriptions.get(roomId);
    const [first, ...others] = subscription ? [subscription, ...holding] : holding;
    if (!first) return undefined;
    const lists = holding.map((list) => list.name);
    const key = JSON.stringify([lists, subscription?.timelineLimit, subscription?.state.key]);
    let combined = this.#combined.get(key);
    if (!combined) {
      let { timelineLimit, state } = first;
      for (const other of others) {
        timelineLimit = Math.max(timelineLimit, other.timelineLimit);
        state = state.with(other.state);
      }
      combined = { config: { timelineLimit, state }, lists };
      this.#combined.set(key, combined);
    }
    return combined;
  }
}

/** Whether an extension is for a room that is wanted. */
export function isInScope(scope: ExtensionScope | undefined, roomId: RoomId, { lists }: WantedRoom): boolean {
  if (!scope) return false;
  if (scope.rooms === undefined || scope.rooms.includes(roomId)) return true;
  return lists.some((name) => scope.lists?.includes(name) ?? true);
}

function* inRanges(list: ListConfig, view: ListView | undefined): Generator<RoomId> {
  if (!view) return;
  const { ranges } = list;
  const last = ranges ? Math.max(-1, ...ranges.map(([, to]) => to)) : Infinity;
  let place = 0;
  for (const roomId of view.newestFirst()) {
    if (place > last) return;
    const at = place;
    if (!ranges || ranges.some(([from, to]) => from <= at && at <= to)) yield roomId;
    place += 1;
  }
}

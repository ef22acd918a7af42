import type { RecencyList } from '../../platform/recency-list.ts';
import type { RoomId } from '../../protocol/identifiers.ts';
import type { RoomFacts } from './room-facts.ts';
import { compileFilters, isFilteredType, type RoomFilters, type RoomTest } from './room-filters.ts';

/** The rooms of one list, before its ranges. */
export interface ListView {
  readonly size: number;
  has(roomId: RoomId): boolean;
  newestFirst(): Iterable<RoomId>;
}

interface FilteredView {
  readonly filters: RoomFilters;
  test: RoomTest;
  readonly rooms: Set<RoomId>;
  /** Rooms to be tested again. */
  readonly doubtful: Set<RoomId>;
}

/** Filtered views that one user has at a time. */
const MOST_VIEWS = 10;

/** The lists of one user: which rooms pass which filters, tested once and again for rooms that change. */
export class ListViews {
  readonly #order: RecencyList<RoomId>;
  readonly #facts: RoomFacts;
  readonly #filtered = new Map<string, FilteredView>();
  /** Rooms of which facts are to be read again. */
  readonly #changed = new Set<RoomId>();
  #refreshing: Promise<void> | undefined;
  #version = 0;

  constructor(order: RecencyList<RoomId>, facts: RoomFacts) {
    this.#order = order;
    this.#facts = facts;
  }

  get version(): number {
    return this.#version;
  }

  /** The rooms that pass. */
  async of(filters: RoomFilters | undefined): Promise<ListView> {
    const order = this.#order;
    if (!filters || Object.values(filters).every((value) => value === undefined)) return order;
    await this.#refresh();
    const key = JSON.stringify(filters);
    const known = this.#filtered.get(key);
    const view = known ?? (await this.#make(filters));
    this.#filtered.delete(key);
    this.#filtered.set(key, view);
    if (this.#filtered.size > MOST_VIEWS) this.#filtered.delete(this.#filtered.keys().next().value ?? '');
    for (const roomId of view.doubtful) {
      view.doubtful.delete(roomId);
      if (order.has(roomId) && view.test(roomId)) view.rooms.add(roomId);
      else view.rooms.delete(roomId);
    }
    const { rooms } = view;
    return {
      size: rooms.size,
      has: (roomId) => rooms.has(roomId),
      *newestFirst() {
        for (const roomId of order.newestFirst()) if (rooms.has(roomId)) yield roomId;
      },
    };
  }

  /** An entry of a room's state changed; without a type, any of them may have. */
  stateChanged(roomId: RoomId, type: string | undefined, isOwnMembership: boolean): void {
    const isFiltered = isOwnMembership || type === undefined || isFilteredType(type);
    if (isFiltered) this.#changed.add(roomId);
    for (const [key, view] of this.#filtered) {
      const mayBeChild = type === undefined || type === 'm.space.child';
      const ofSpace = mayBeChild && view.filters.spaces?.includes(roomId) === true;
      const movedSpace = isOwnMembership && view.filters.spaces?.includes(roomId) === true;
      if (ofSpace || movedSpace) {
        this.#filtered.delete(key);
        this.#version += 1;
      }
      if (isFiltered) view.doubtful.add(roomId);
    }
  }

  /** The user's direct rooms or tags changed. */
  accountDataChanged(): void {
    this.#facts.forgetAccountData();
    this.#version += 1;
    for (const [key, { filters }] of this.#filtered) {
      if ((filters.isDm ?? filters.tags ?? filters.notTags) !== undefined) this.#filtered.delete(key);
    }
  }

  /** Of several requests at a time, none goes on before the facts are read that another asked for. */
  async #refresh(): Promise<void> {
    while (this.#refreshing || this.#changed.size > 0) {
      this.#refreshing ??= this.#readChanged().finally(() => (this.#refreshing = undefined));
      await this.#refreshing;
    }
  }

  async #readChanged(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    await this.#facts.refresh(changed);
  }

  async #make(filters: RoomFilters): Promise<FilteredView> {
    const test = await compileFilters(filters, this.#facts);
    return {
      filters,
      test,
      rooms: new Set([...this.#order.newestFirst()].filter(test)),
      doubtful: new Set(),
    };
  }
}

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

/** A view from when its filters begin to be compiled: what they are compiled of may change before they are. */
interface ViewBeginning {
  readonly filters: RoomFilters;
  /** Rooms to be tested again. */
  readonly doubtful: Set<RoomId>;
  /** Whether what the filters were compiled of holds no longer. */
  isOutdated: boolean;
}

interface FilteredView extends ViewBeginning {
  readonly test: RoomTest;
  readonly rooms: Set<RoomId>;
}

/** Filtered views that one user has at a time. */
const MOST_VIEWS = 10;

/** The lists of one user: which rooms pass which filters, tested once and again for rooms that change. */
export class ListViews {
  readonly #order: RecencyList<RoomId>;
  readonly #facts: RoomFacts;
  readonly #filtered = new Map<string, FilteredView>();
  /** Views whose filters are being compiled. */
  readonly #beginnings = new Set<ViewBeginning>();
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
    const { rooms } = await this.#upToDate(filters);
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
    const mayBeChild = type === undefined || type === 'm.space.child';
    for (const view of this.#allViews()) {
      if (isFiltered) view.doubtful.add(roomId);
      const isSpace = view.filters.spaces?.includes(roomId) === true;
      if (!isSpace || !(mayBeChild || isOwnMembership)) continue;
      view.isOutdated = true;
      this.#version += 1;
    }
  }

  /** The user's direct rooms or tags changed. */
  accountDataChanged(): void {
    this.#facts.forgetAccountData();
    this.#version += 1;
    for (const view of this.#allViews()) {
      const { isDm, tags, notTags } = view.filters;
      if ((isDm ?? tags ?? notTags) !== undefined) view.isOutdated = true;
    }
  }

  *#allViews(): Generator<ViewBeginning> {
    yield* this.#filtered.values();
    yield* this.#beginnings;
  }

  /**
   * The view of the filters, with no room in doubt. Nothing may be waited for between the look that finds all facts read and
   * the test of the doubtful rooms: one that changes in between would be tested by what was before.
   */
  async #upToDate(filters: RoomFilters): Promise<FilteredView> {
    const key = JSON.stringify(filters);
    for (;;) {
      if (this.#refreshing || this.#changed.size > 0) {
        // Of several requests at a time, none goes on before the facts are read that another asked for.
        this.#refreshing ??= this.#readChanged().finally(() => (this.#refreshing = undefined));
        await this.#refreshing;
        continue;
      }
      const known = this.#filtered.get(key);
      this.#filtered.delete(key);
      if (known?.isOutdated === false) {
        this.#filtered.set(key, known);
        this.#testDoubtful(known);
        return known;
      }
      this.#keep(key, await this.#make(filters));
    }
  }

  #testDoubtful({ doubtful, rooms, test }: FilteredView): void {
    for (const roomId of doubtful) {
      if (this.#order.has(roomId) && test(roomId)) rooms.add(roomId);
      else rooms.delete(roomId);
    }
    doubtful.clear();
  }

  async #readChanged(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    // The user may have come into them since the request began.
    await this.#facts.prepare();
    await this.#facts.refresh(changed);
  }

  async #make(filters: RoomFilters): Promise<FilteredView> {
    const beginning: ViewBeginning = { filters, doubtful: new Set(), isOutdated: false };
    this.#beginnings.add(beginning);
    try {
      const test = await compileFilters(filters, this.#facts);
      const rooms = new Set([...this.#order.newestFirst()].filter(test));
      return Object.assign(beginning, { test, rooms });
    } finally {
      this.#beginnings.delete(beginning);
    }
  }

  #keep(key: string, view: FilteredView): void {
    this.#filtered.set(key, view);
    if (this.#filtered.size > MOST_VIEWS) this.#filtered.delete(this.#filtered.keys().next().value ?? '');
  }
}

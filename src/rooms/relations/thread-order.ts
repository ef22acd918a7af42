import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Database } from '../../storage/database.ts';
import * as aggregationsStore from '../../storage/rooms/aggregations-store.ts';
import type { ThreadRow } from '../../storage/rooms/aggregations-store.ts';

/** Threads of a room, those spoken in last, that are put in the order in which somebody sees them who ignores others. */
const MOST_REORDERED = 1_000;
/** Events that are looked at in one step, and of all threads, where the last ones of a thread are all by ignored users. */
const STEP = 50;
const MOST_LOOKED_AT = 1_000;

/** An event of a thread. */
interface Spoken {
  readonly position: number;
  readonly sender: UserId;
}

/** The threads of a room for one reader, the one spoken in last first (Client-Server API, "Threading"). */
export class ThreadOrder {
  readonly #database: Database;
  readonly #reader: {
    readonly roomId: RoomId;
    readonly userId: UserId;
    readonly ignored: ReadonlySet<UserId>;
  };
  #newest: Promise<{ readonly rows: readonly ThreadRow[]; readonly from: number }> | undefined;

  /** @param reader.ignored who counts as if they had not spoken. */
  constructor(database: Database, reader: { roomId: RoomId; userId: UserId; ignored: ReadonlySet<UserId> }) {
    this.#database = database;
    this.#reader = reader;
  }

  /**
   * The next threads, whose `thread_position` is that of the newest event that counts for the reader.
   *
   * @param upTo position of the newest event to begin at.
   */
  async next(upTo: number, limit: number): Promise<ThreadRow[]> {
    const { roomId, userId, ignored } = this.#reader;
    if (ignored.size === 0) return aggregationsStore.threads(this.#database, roomId, { userId, upTo, limit });
    const { rows: newest, from } = await (this.#newest ??= this.#readNewest());
    const older = { userId, upTo: Math.min(upTo, from - 1), limit };
    const others = Number.isFinite(from)
      ? await aggregationsStore.threads(this.#database, roomId, older)
      : [];
    return [...newest.filter((row) => row.thread_position <= upTo), ...others]
      .sort((a, b) => b.thread_position - a.thread_position)
      .slice(0, limit);
  }

  /** The newest threads as the reader sees them; `from` is where older ones end, -Infinity if there are none. */
  async #readNewest(): Promise<{ rows: ThreadRow[]; from: number }> {
    const { roomId, userId } = this.#reader;
    const want = { userId, upTo: Number.MAX_SAFE_INTEGER, limit: MOST_REORDERED };
    const found = await aggregationsStore.threads(this.#database, roomId, want);
    const ofEach = await this.#positionsOf(found.filter((row) => this.#isIgnored(row.newest_by)));
    const rows = found.map((row) => ({ ...row, thread_position: ofEach.get(row) ?? row.thread_position }));
    const last = found.length === MOST_REORDERED ? found.at(-1) : undefined;
    return { rows, from: last?.thread_position ?? -Infinity };
  }

  /**
   * Positions of the newest event of each thread by somebody who counts: that of the root, where only others spoke after it.
   */
  async #positionsOf(threads: readonly ThreadRow[]): Promise<Map<ThreadRow, number>> {
    const { roomId } = this.#reader;
    const roots = threads.map((thread) => thread.root_id);
    const lastOf = await aggregationsStore.lastSenders(this.#database, roomId, roots);
    const budget = { left: MOST_LOOKED_AT };
    const positions = new Map<ThreadRow, number>();
    const silent: ThreadRow[] = [];
    for (const thread of threads) {
      const last = lastOf.get(thread.root_id) ?? [];
      const position = this.#newestOf(last) ?? (await this.#before(thread, last, budget));
      if (position === undefined) silent.push(thread);
      else positions.set(thread, position);
    }
    const ofRoots = await aggregationsStore.rootPositions(
      this.#database,
      silent.map((thread) => thread.root_id),
    );
    for (const thread of silent) positions.set(thread, ofRoots.get(thread.root_id) ?? thread.thread_position);
    return positions;
  }

  /**
   * Position of the newest event that counts before the last ones of a thread; undefined where there is none. Where too many
   * were looked at, that of the oldest of them.
   */
  async #before(
    { root_id: rootId }: ThreadRow,
    last: readonly Spoken[],
    budget: { left: number },
  ): Promise<number | undefined> {
    if (last.length < aggregationsStore.LAST_SPOKEN) return undefined;
    const thread = { rootId, roomId: this.#reader.roomId };
    let before = last.at(-1)?.position;
    while (before !== undefined && budget.left > 0) {
      const events: Spoken[] = await aggregationsStore.threadSenders(this.#database, thread, before, STEP);
      budget.left -= STEP;
      const found = this.#newestOf(events);
      if (found !== undefined) return found;
      if (events.length < STEP) return undefined;
      before = events.at(-1)?.position;
    }
    return before;
  }

  /** Position of the first of the events that is by somebody who counts. */
  #newestOf(events: readonly Spoken[]): number | undefined {
    return events.find(({ sender }) => !this.#isIgnored(sender))?.position;
  }

  #isIgnored(userId: UserId | null): boolean {
    return userId !== null && this.#reader.ignored.has(userId);
  }
}

import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Database } from '../../storage/database.ts';
import * as aggregationsStore from '../../storage/rooms/aggregations-store.ts';
import type { ThreadRow } from '../../storage/rooms/aggregations-store.ts';
import type { EventLog } from '../events/event-log.ts';

/** Threads of a room, those spoken in last, that are put in the order in which somebody sees them who ignores others. */
const MOST_REORDERED = 1_000;
/** Events of a thread that are looked at in one step, and in all, for one by somebody who is not ignored. */
const STEP = 50;
const MOST_LOOKED_AT = 1_000;

/** The threads of a room for one reader, the one spoken in last first (Client-Server API, "Threading"). */
export class ThreadOrder {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #reader: {
    readonly roomId: RoomId;
    readonly userId: UserId;
    readonly ignored: ReadonlySet<UserId>;
  };
  #newest: Promise<{ readonly rows: readonly ThreadRow[]; readonly from: number }> | undefined;

  /** @param reader.ignored who counts as if they had not spoken. */
  constructor(
    database: Database,
    log: EventLog,
    reader: { roomId: RoomId; userId: UserId; ignored: ReadonlySet<UserId> },
  ) {
    this.#database = database;
    this.#log = log;
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
    const { roomId, userId, ignored } = this.#reader;
    const want = { userId, upTo: Number.MAX_SAFE_INTEGER, limit: MOST_REORDERED };
    const found = await aggregationsStore.threads(this.#database, roomId, want);
    const rows: ThreadRow[] = [];
    for (const row of found) {
      const isIgnored = row.newest_by !== null && ignored.has(row.newest_by);
      rows.push(isIgnored ? { ...row, thread_position: await this.#positionOf(row) } : row);
    }
    const last = found.length === MOST_REORDERED ? found.at(-1) : undefined;
    return { rows, from: last?.thread_position ?? -Infinity };
  }

  /** Position of the newest event by somebody who counts: that of the root, where only others spoke after it. */
  async #positionOf({ root_id: rootId, thread_position: newest }: ThreadRow): Promise<number> {
    const thread = { rootId, roomId: this.#reader.roomId };
    let before = newest;
    for (let looked = 0; looked < MOST_LOOKED_AT; looked += STEP) {
      const events = await aggregationsStore.threadSenders(this.#database, thread, before, STEP);
      const found = events.find(({ sender }) => !this.#reader.ignored.has(sender));
      if (found) return found.position;
      before = events.at(-1)?.position ?? before;
      if (events.length < STEP) break;
    }
    return (await this.#log.byId(rootId as EventId))?.position ?? newest;
  }
}

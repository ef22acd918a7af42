import { UnreadCounts } from '../../modules/push/index.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { connectionToken, parseConnectionToken } from '../../rooms/reading/stream-token.ts';
import type { Database } from '../../storage/database.ts';
import type { RecentChanges } from '../../storage/recent-changes.ts';
import type { Notifier } from '../notifier.ts';
import type { Connection, SentRoom, Settled } from './connection.ts';
import { unknownPos, type Connections } from './connections.ts';
import { extensions } from './extensions.ts';
import { RoomAnswering } from './room-answers.ts';
import type { RoomOrders } from './room-orders.ts';
import type { Answering } from './room-view.ts';
import type { SlidingSyncNeeds } from './sliding-sync-needs.ts';
import type { SlidingSyncOptions } from './sliding-sync-options.ts';

/** An answer that was put together but not yet given. */
interface Draft {
  /** JSON text of its members but `pos`. */
  readonly text: string;
  readonly hasNews: boolean;
  readonly upTo: number;
  readonly changes: ReadonlyMap<RoomId, SentRoom>;
  readonly settled: Settled;
}

/** A process may be behind another by this much. */
const LONGEST_LAG_MS = 2_000;

/**
 * Answers sliding sync (MSC4186): a client says which rooms it wants to be told of and how much, and each answer holds what
 * it does not have yet. A request without news costs the same, however many rooms the user is in.
 */
export class SlidingSyncService {
  readonly #database: Database;
  readonly #recent: RecentChanges;
  readonly #notifier: Notifier;
  readonly #clock: { now(): number };
  readonly #needs: SlidingSyncNeeds;
  readonly #orders: RoomOrders;
  readonly #connections: Connections;
  readonly #ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;

  constructor(wiring: {
    database: Database;
    recent: RecentChanges;
    notifier: Notifier;
    clock: { now(): number };
    needs: SlidingSyncNeeds;
    orders: RoomOrders;
    connections: Connections;
    ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  }) {
    this.#database = wiring.database;
    this.#recent = wiring.recent;
    this.#notifier = wiring.notifier;
    this.#clock = wiring.clock;
    this.#needs = wiring.needs;
    this.#orders = wiring.orders;
    this.#connections = wiring.connections;
    this.#ignoredUsers = wiring.ignoredUsers;
  }

  /**
   * What the client does not have yet, as JSON text; waits up to the timeout when that is nothing.
   *
   * @throws MatrixError 400 M_UNKNOWN_POS when it is not known what the client has: it is to begin anew.
   */
  async sync(options: SlidingSyncOptions): Promise<string> {
    const { userId, deviceId, signal, pos } = options;
    const from = pos === undefined ? undefined : parseConnectionToken(pos);
    if (pos !== undefined && !from) throw unknownPos();
    if (from) await this.#reach(from.position, signal);
    const owner = { userId, deviceId: deviceId ?? '', connId: options.connId };
    const connection = await this.#connections.resume(owner, from?.generation ?? '');
    const since = options.toDevice?.since;
    if (since !== undefined) await this.#needs.toDevice.received({ userId, deviceId }, since);
    const request = {};
    connection.request = request;
    connection.askedFrom(from?.position);
    const isGivenUp = () => signal.aborted || connection.request !== request;
    const end = performance.now() + (from ? options.timeoutMs : 0);
    for (;;) {
      const upTo = Math.max(this.#database.position(), from?.position ?? 0);
      const draft = await this.#draft(options, connection, from?.position, upTo);
      const left = end - performance.now();
      if (isGivenUp() && pos !== undefined)
        return `{"pos":${JSON.stringify(pos)},"rooms":{},"extensions":{}}`;
      if (draft.hasNews || left <= 0) return this.#give(connection, draft);
      if (draft.changes.size === 0) connection.settled = draft.settled;
      await this.#notifier.wait(userId, upTo, left, signal);
    }
  }

  async #reach(position: number, signal: AbortSignal): Promise<void> {
    if (this.#database.position() >= position) return;
    await this.#notifier.reached(position, LONGEST_LAG_MS, signal);
    if (this.#database.position() < position) throw unknownPos();
  }

  async #draft(
    options: SlidingSyncOptions,
    connection: Connection,
    since: number | undefined,
    upTo: number,
  ): Promise<Draft> {
    const { userId, deviceId, dialect, wishes } = options;
    const rooms = await this.#orders.of(userId);
    const answering: Answering = {
      ...{ userId, deviceId, since, upTo, dialect, connection },
      now: this.#clock.now(),
      recent: this.#recent,
      ignored: await this.#ignoredUsers(userId),
      counting: UnreadCounts.budget(),
    };
    const told = await new RoomAnswering(this.#needs, wishes, answering, rooms).answer();
    const news = { rooms, changed: told.changed, ofRooms: told.ofRooms };
    const further = await extensions(this.#needs, options, answering, news);
    const lists = wishes.lists.length === 0 ? '' : `,"lists":${told.lists}`;
    const text = `${lists},"rooms":${objectText(told.entries)},"extensions":${objectText(Object.entries(further.texts))}`;
    const hasNews = told.entries.size > 0 || further.hasNews;
    return { text, hasNews, upTo, changes: told.changes, settled: told.settled };
  }

  async #give(connection: Connection, draft: Draft): Promise<string> {
    const generation = await this.#connections.save(connection, draft.changes, draft.settled);
    connection.answered(draft.upTo);
    return `{"pos":"${connectionToken(draft.upTo, generation)}"${draft.text}}`;
  }
}

function objectText(members: Iterable<readonly [string, string]>): string {
  return `{${[...members].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}

import { boundedCache } from '../../platform/bounded-cache.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Change, Database } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import * as presenceStore from '../../storage/accounts/presence-store.ts';
import type { PresenceRow } from '../../storage/accounts/presence-store.ts';
import type { Attendance } from './attendance.ts';

const CACHED = 20_000;
const ACTIVE_MS = 60_000;
const NEVER_SEEN = 'never seen';

/** What is known of each user's presence, and how others get it. */
export class PresenceRows {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #attendance: Attendance;
  readonly #cache: ReadCache<UserId, PresenceRow | typeof NEVER_SEEN>;

  constructor(database: Database, clock: { now(): number }, attendance: Attendance) {
    this.#database = database;
    this.#clock = clock;
    this.#attendance = attendance;
    // What changes tell is noted, and outdates nothing.
    this.#cache = new ReadCache(database, boundedCache(CACHED), () => []);
  }

  /** A change told of a user's presence. */
  note({ data, position }: Change): PresenceRow {
    const { userId, presence, statusMsg, lastActiveAt } = data as JsonObject;
    const row: PresenceRow = {
      user_id: userId as string,
      presence: presence as string,
      status_msg: statusMsg as string | null,
      last_active_at: lastActiveAt as number,
      position,
    };
    this.#cache.set(userId as UserId, row);
    return row;
  }

  /** What is known at once, without a query. */
  known(userId: UserId): PresenceRow | undefined {
    const known = this.#cache.known(userId);
    return known === NEVER_SEEN ? undefined : known;
  }

  /** What is known of a user; undefined for one who was never seen. */
  async of(userId: UserId): Promise<PresenceRow | undefined> {
    const known = await this.#cache.get(
      userId,
      async () => (await presenceStore.of(this.#database, userId)) ?? NEVER_SEEN,
    );
    return known === NEVER_SEEN ? undefined : known;
  }

  /** The content of `m.presence`. Who would rather be talked to than not (2015) is online, with a mark of that. */
  content(row: PresenceRow): JsonObject {
    const activeAt = this.#attendance.activeAt(row.user_id as UserId) ?? 0;
    const ago = Math.max(0, this.#clock.now() - Math.max(row.last_active_at, activeAt));
    const isFree = row.presence === 'free_for_chat';
    const content: JsonObject = { presence: isFree ? 'online' : row.presence, last_active_ago: ago };
    if (content.presence === 'online') content.currently_active = ago < ACTIVE_MS;
    if (isFree) content.free_for_chat = true;
    if (row.status_msg !== null) content.status_msg = row.status_msg;
    return content;
  }

  /** An operation `push` of the EDU `m.presence`. */
  toServers(row: PresenceRow): JsonObject {
    return { ...this.content(row), user_id: row.user_id };
  }

  /** The event `m.presence`. */
  event(row: PresenceRow): JsonObject {
    return { type: 'm.presence', sender: row.user_id, content: this.content(row) };
  }
}

import { canonicalJson } from '../../protocol/canonical-json.ts';
import { redact } from '../../protocol/events/redaction.ts';
import type { EventId, UserId } from '../../protocol/identifiers.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import type { Database } from '../../storage/database.ts';
import * as relationsStore from '../../storage/rooms/relations-store.ts';
import type { EventLog } from '../events/event-log.ts';
import { pduOfEvent } from '../events/pdu-of-event.ts';
import { StoredEvent } from '../events/stored-event.ts';
import type { RoomAccess, Visibility } from '../reading/visibility.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';
import { ThreadOrder } from './thread-order.ts';

/** What is asked of the events that relate to one. Positions are places between events, as in tokens. */
export interface RelatedQuery {
  readonly parentId: EventId;
  readonly relType: string | undefined;
  readonly type: string | undefined;
  readonly recurse: boolean;
  readonly direction: 'f' | 'b';
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly limit: number;
}

/** A page of events. */
export interface RelatedPage {
  readonly events: readonly StoredEvent[];
  /** Where the next page begins; undefined after the last. */
  readonly next: number | undefined;
}

/** Events looked at for one page, when few of them may be seen. */
const MOST_LOOKED_AT = 1_000;

/** Reads what relates to events, as a user may see it (Client-Server API, "Relationships API", "Threading"). */
export class RelatedEvents {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #visibility: Visibility;

  constructor(database: Database, log: EventLog, visibility: Visibility) {
    this.#database = database;
    this.#log = log;
    this.#visibility = visibility;
  }

  /** A page of the events that relate to one. Those that `wants` refuses are left out. */
  async children(
    access: RoomAccess,
    query: RelatedQuery,
    wants: (event: StoredEvent) => boolean,
  ): Promise<RelatedPage> {
    const backwards = query.direction === 'b';
    const [low, high] = backwards ? [query.to, query.from] : [query.from, query.to];
    let after = low ?? BEFORE_HISTORY;
    let upTo = Math.min(high ?? Number.MAX_SAFE_INTEGER, this.#database.position());
    const { parentId, relType, type, recurse, limit } = query;
    const want = { parentId, roomId: access.roomId, relType, type, recurse, newestFirst: backwards, limit };
    const found: StoredEvent[] = [];
    for (let looked = 0; looked < MOST_LOOKED_AT;) {
      const rows = await relationsStore.children(this.#database, { ...want, after, upTo });
      looked += rows.length;
      const events = rows.map((row) => this.#log.intern(row)).filter(wants);
      for (const event of await this.#visibility.filter(access, events)) {
        if (found.length < limit) found.push(event);
      }
      const last = (found.length === limit ? found : rows).at(-1);
      if (last && backwards) upTo = last.position - 1;
      if (last && !backwards) after = last.position;
      if (found.length === limit) break;
      if (rows.length < limit) return { events: found, next: undefined };
    }
    const next = backwards ? upTo : after;
    const more = await relationsStore.children(this.#database, { ...want, after, upTo, limit: 1 });
    return { events: found, next: more.length === 0 ? undefined : next };
  }

  /**
   * A page of the roots of a room's threads, the one spoken in last first.
   *
   * @param query.upTo position of the newest thread event to begin at; undefined for the newest there is.
   * @param query.participated only threads in which the user spoke, at the root or after it.
   * @param query.ignored whose events the user does not see: they change nothing of the order.
   */
  async threads(
    access: RoomAccess,
    query: {
      upTo: number | undefined;
      participated: boolean;
      ignored: ReadonlySet<UserId>;
      limit: number;
    },
  ): Promise<RelatedPage> {
    const { limit, ignored } = query;
    const { roomId, userId } = access;
    const order = new ThreadOrder(this.#database, { roomId, userId, ignored });
    let upTo = query.upTo ?? this.#database.position();
    const found: StoredEvent[] = [];
    for (let looked = 0; looked < MOST_LOOKED_AT;) {
      const rows = await order.next(upTo, limit + 1);
      for (const row of rows) {
        if (found.length === limit) return { events: found, next: upTo };
        upTo = row.thread_position - 1;
        const root = await this.#log.byId(row.root_id as EventId);
        if (root?.roomId !== access.roomId || root.relation !== undefined) continue;
        const spoke = root.sender === access.userId || (row.own_events ?? 0) > 0;
        if (query.participated && !spoke) continue;
        if (await this.#visibility.mayRead(access, root)) found.push(root);
      }
      if (rows.length <= limit) return { events: found, next: undefined };
      looked += rows.length;
    }
    return { events: found, next: upTo };
  }

  /** The event as it would be if it were redacted: what one sees of a thread whose root is by an ignored user. */
  async redacted(event: StoredEvent): Promise<StoredEvent> {
    const create = await this.#log.state(event.roomId, 'm.room.create', '');
    const id = create?.content.room_version;
    const version = roomVersion(typeof id === 'string' ? id : '1');
    const { content } = redact(pduOfEvent(event, version), version);
    const text = canonicalJson(content, { strict: false });
    return new StoredEvent({ ...event.toRow(), position: event.position, redacted_by: null, content: text });
  }
}

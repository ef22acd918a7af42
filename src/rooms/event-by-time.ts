import { notFound } from '../protocol/matrix-error.ts';
import type { Database } from '../storage/database.ts';
import * as eventsStore from '../storage/events-store.ts';
import type { EventLog } from './event-log.ts';
import type { StoredEvent } from './stored-event.ts';
import type { RoomAccess, Visibility } from './visibility.ts';
import { BEFORE_HISTORY } from '../storage/unit-of-work.ts';

const PAGE = 50;
/** Events looked at to find one that the user may see. */
const MOST_LOOKED_AT = 1_000;

/** Finds events by their time (Client-Server API, "timestamp_to_event"). */
export class EventByTime {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #visibility: Visibility;

  constructor(database: Database, log: EventLog, visibility: Visibility) {
    this.#database = database;
    this.#log = log;
    this.#visibility = visibility;
  }

  /**
   * The event of a room whose time is nearest to the given one, at or after it (`f`) or at or before it (`b`). Of events
   * of the same time it is the first or the last.
   *
   * @param ts milliseconds since the epoch.
   * @throws MatrixError 404 when the user may see none.
   */
  async nearest(access: RoomAccess, ts: number, direction: 'f' | 'b'): Promise<StoredEvent> {
    const forward = direction === 'f';
    let place = { ts, position: forward ? BEFORE_HISTORY : Number.MAX_SAFE_INTEGER };
    for (let looked = 0; looked < MOST_LOOKED_AT; looked += PAGE) {
      const rows = await eventsStore.byTime(this.#database, access.roomId, place, forward, PAGE);
      for (const row of rows) {
        const event = this.#log.intern(row);
        if (await this.#visibility.mayRead(access, event)) return event;
        place = { ts: event.originServerTs, position: event.position };
      }
      if (rows.length < PAGE) break;
    }
    throw notFound(`There is no event ${forward ? 'at or after' : 'at or before'} ${ts} that you may see`);
  }
}

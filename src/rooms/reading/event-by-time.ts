import { notFound } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import type { EventLog } from '../events/event-log.ts';
import type { RemoteHistory, TimedEvent } from '../membership/remote-rooms.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { RoomAccess, Visibility } from './visibility.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';

const PAGE = 50;
/** Events looked at to find one that the user may see. */
const MOST_LOOKED_AT = 1_000;
/** Changes of a user's own membership looked at where all of those are hidden. */
const MOST_MEMBERSHIPS = 1_000;

/** Finds events by their time (Client-Server API, "timestamp_to_event"). */
export class EventByTime {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #visibility: Visibility;
  readonly #remote: RemoteHistory;

  constructor(needs: { database: Database; log: EventLog; visibility: Visibility; remote: RemoteHistory }) {
    this.#database = needs.database;
    this.#log = needs.log;
    this.#visibility = needs.visibility;
    this.#remote = needs.remote;
  }

  /**
   * The event of a room whose time is nearest to the given one, at or after it (`f`) or at or before it (`b`). Of events
   * of the same time it is the first or the last. Where history is missing here and other servers know a nearer one, what
   * leads to it is fetched first, or the event would stand in the wrong place; of much the newest part, and the next call
   * goes on. Beyond very many events that the user may not see, it is the nearest change of their own membership, which they
   * always may.
   *
   * @param ts milliseconds since the epoch.
   * @throws MatrixError 404 when the user may see none of those that are here.
   */
  async nearest(access: RoomAccess, ts: number, direction: 'f' | 'b'): Promise<TimedEvent> {
    const { roomId } = access;
    const here = await this.#nearestHere(access, ts, direction);
    const elsewhere = await this.#remote.eventByTime(roomId, ts, direction);
    const distance = (event: TimedEvent) => Math.abs(event.originServerTs - ts);
    const isNearer = elsewhere && (!here || distance(elsewhere) < distance(here));
    const isReached = isNearer && (await this.#remote.fetchBackTo(roomId, elsewhere.eventId));
    const found = isNearer ? await this.#nearestHere(access, ts, direction) : here;
    if (found) return found;
    const place = `${direction === 'f' ? 'at or after' : 'at or before'} ${ts}`;
    if (isReached === false)
      throw notFound(`The history ${place} is not here: more of it may come with another try`);
    throw notFound(`There is no event ${place} that you may see`);
  }

  async #nearestHere(access: RoomAccess, ts: number, direction: 'f' | 'b'): Promise<StoredEvent | undefined> {
    const forward = direction === 'f';
    let place = { ts, position: forward ? BEFORE_HISTORY : Number.MAX_SAFE_INTEGER };
    for (let looked = 0; looked < MOST_LOOKED_AT; looked += PAGE) {
      const rows = await eventsStore.byTime(this.#database, access.roomId, place, forward, PAGE);
      for (const row of rows) {
        const event = this.#log.intern(row);
        if (await this.#visibility.mayRead(access, event)) return event;
        place = { ts: event.originServerTs, position: event.position };
      }
      if (rows.length < PAGE) return undefined;
    }
    return this.#nearestMembership(access, place.ts, forward);
  }

  async #nearestMembership(
    { roomId, userId }: RoomAccess,
    ts: number,
    forward: boolean,
  ): Promise<StoredEvent | undefined> {
    let nearest: StoredEvent | undefined;
    let event = await this.#log.state(roomId, 'm.room.member', userId);
    for (let left = MOST_MEMBERSHIPS; event && left > 0; left--) {
      const distance = forward ? event.originServerTs - ts : ts - event.originServerTs;
      const best = nearest === undefined ? Infinity : Math.abs(nearest.originServerTs - ts);
      if (distance >= 0 && distance <= best) nearest = event;
      event = event.replaces === undefined ? undefined : await this.#log.byId(event.replaces);
    }
    return nearest;
  }
}

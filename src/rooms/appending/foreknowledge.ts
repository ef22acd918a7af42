import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import * as awaitedRedactions from '../../storage/rooms/awaited-redactions-store.ts';
import type { Reader } from '../../storage/database.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import * as historyGaps from '../../storage/rooms/history-gaps-store.ts';
import type { StoredEvent } from '../events/stored-event.ts';

/** Of fewer events it is asked one by one whether anything is known of them: mostly nothing is. */
const MANY = 3;

/** What the database has of events that are about to be received, read for all of them at once. */
export class Foreknowledge {
  /** Events that are not here. */
  readonly #absent: Set<EventId>;
  readonly #asked: ReadonlySet<EventId>;
  readonly #gaps: ReadonlySet<EventId>;
  readonly #awaited: ReadonlySet<EventId>;

  private constructor(known: {
    absent: Set<EventId>;
    asked: ReadonlySet<EventId>;
    gaps: ReadonlySet<EventId>;
    awaited: ReadonlySet<EventId>;
  }) {
    this.#absent = known.absent;
    this.#asked = known.asked;
    this.#gaps = known.gaps;
    this.#awaited = known.awaited;
  }

  static async read(
    from: { reader: Reader; committed: { byIds(eventIds: readonly EventId[]): Promise<StoredEvent[]> } },
    roomId: RoomId,
    eventIds: readonly EventId[],
  ): Promise<Foreknowledge> {
    const asked = new Set(eventIds);
    const absent = new Set(asked);
    const noted = asked.size < MANY ? await notedOf(from.reader, roomId, asked) : [...asked];
    for (const { eventId } of await from.committed.byIds(noted)) absent.delete(eventId);
    const gaps = new Set(await historyGaps.among(from.reader, roomId, noted));
    const awaited = new Set(await awaitedRedactions.among(from.reader, noted));
    return new Foreknowledge({ absent, asked, gaps, awaited });
  }

  isAbsent(eventId: EventId): boolean {
    return this.#absent.has(eventId);
  }

  /** Whether the timeline follows on the event without having it; undefined where that was not read. */
  isGap(eventId: EventId): boolean | undefined {
    return this.#asked.has(eventId) ? this.#gaps.has(eventId) : undefined;
  }

  /** Whether redactions wait for the event; undefined where that was not read. */
  isAwaited(eventId: EventId): boolean | undefined {
    return this.#asked.has(eventId) ? this.#awaited.has(eventId) : undefined;
  }
}

/** Those of the events of which the database has anything. */
async function notedOf(reader: Reader, roomId: RoomId, eventIds: Iterable<EventId>): Promise<EventId[]> {
  const noted: EventId[] = [];
  for (const eventId of eventIds) {
    if (await eventsStore.isNoted(reader, roomId, eventId)) noted.push(eventId);
  }
  return noted;
}

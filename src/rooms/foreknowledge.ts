import type { EventId, RoomId } from '../protocol/identifiers.ts';
import * as awaitedRedactions from '../storage/awaited-redactions-store.ts';
import type { Reader } from '../storage/database.ts';
import * as historyGaps from '../storage/history-gaps-store.ts';
import type { StoredEvent } from './stored-event.ts';

/** What the database has of events that are about to be received, read for all of them at once. */
export class Foreknowledge {
  /** Events that are not here. */
  readonly #absent: Set<EventId>;
  readonly #asked: ReadonlySet<EventId>;
  readonly #gaps: ReadonlySet<EventId>;
  readonly #redactions: ReadonlyMap<EventId, readonly EventId[]>;

  private constructor(known: {
    absent: Set<EventId>;
    asked: ReadonlySet<EventId>;
    gaps: ReadonlySet<EventId>;
    redactions: ReadonlyMap<EventId, readonly EventId[]>;
  }) {
    this.#absent = known.absent;
    this.#asked = known.asked;
    this.#gaps = known.gaps;
    this.#redactions = known.redactions;
  }

  static async read(
    from: { reader: Reader; committed: { byIds(eventIds: readonly EventId[]): Promise<StoredEvent[]> } },
    roomId: RoomId,
    eventIds: readonly EventId[],
  ): Promise<Foreknowledge> {
    const asked = new Set(eventIds);
    const absent = new Set(asked);
    for (const { eventId } of await from.committed.byIds([...asked])) absent.delete(eventId);
    const gaps = new Set(await historyGaps.among(from.reader, roomId, [...asked]));
    const redactions = await awaitedRedactions.among(from.reader, [...asked]);
    return new Foreknowledge({ absent, asked, gaps, redactions });
  }

  isAbsent(eventId: EventId): boolean {
    return this.#absent.has(eventId);
  }

  /** Whether the timeline follows on the event without having it; undefined where that was not read. */
  isGap(eventId: EventId): boolean | undefined {
    return this.#asked.has(eventId) ? this.#gaps.has(eventId) : undefined;
  }

  /** Redactions that wait for the event; undefined where they were not read. */
  redactionsOf(eventId: EventId): readonly EventId[] | undefined {
    return this.#asked.has(eventId) ? (this.#redactions.get(eventId) ?? []) : undefined;
  }
}

import { LRUCache } from 'lru-cache';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { EventRow } from '../../storage/rooms/events-store.ts';
import { StoredEvent } from './stored-event.ts';

/** Redactions remembered: more than can be told while one read of the database is under way. */
const REMEMBERED_REDACTIONS = 1_000;

/** Events in memory, each one object that everybody shares, found by ID and by position. */
export class KnownEvents {
  readonly #byId: LRUCache<EventId, StoredEvent>;
  readonly #byPosition = new Map<number, StoredEvent>();
  /** Events redacted lately: a row that was read before that must not be kept as what they are now. */
  readonly #redacted = new LRUCache<EventId, true>({ max: REMEMBERED_REDACTIONS });

  /** @param bytes about how much memory the events may take. */
  constructor(bytes: number) {
    this.#byId = new LRUCache({
      maxSize: bytes,
      sizeCalculation: (event) => event.size,
      dispose: (event) => {
        if (this.#byPosition.get(event.position) === event) this.#byPosition.delete(event.position);
      },
    });
  }

  byId(eventId: EventId): StoredEvent | undefined {
    return this.#byId.get(eventId);
  }

  /** As `byId`, which does not count as a use: the event is forgotten as if it had not been asked for. */
  peek(eventId: EventId): StoredEvent | undefined {
    return this.#byId.peek(eventId);
  }

  /** The event at a place of the log, which does not count as a use. */
  at(position: number): StoredEvent | undefined {
    return this.#byPosition.get(position);
  }

  /** Keeps a committed event. */
  keep(event: StoredEvent): void {
    this.#byId.set(event.eventId, event);
    this.#byPosition.set(event.position, event);
  }

  /** The event of a row, as the one object that everybody shares. */
  intern(row: EventRow): StoredEvent {
    const known = this.#byId.get(row.event_id as EventId);
    if (known && isUpToDate(known, row)) return known;
    const event = new StoredEvent(row);
    if (row.redacted_by !== null || !this.#redacted.has(event.eventId)) this.keep(event);
    return event;
  }

  /** As `intern`, but an event that is not in memory is not kept: who reads all history rarely does so again. */
  passing(row: EventRow): StoredEvent {
    const known = this.#byId.peek(row.event_id as EventId);
    return known && isUpToDate(known, row) ? known : new StoredEvent(row);
  }

  forget(eventId: EventId): void {
    this.#byId.delete(eventId);
  }

  /** What is known of the event is outdated: it was redacted. */
  forgetRedacted(eventId: EventId): void {
    this.#byId.delete(eventId);
    this.#redacted.set(eventId, true);
  }

  /** Forgets events of a room; all of them, or those beside its timeline. */
  forgetRoom(roomId: RoomId, which: 'all' | 'aside'): void {
    const isMeant = (event: StoredEvent) => event.roomId === roomId && (which === 'all' || event.isAside);
    const outdated = [...this.#byId.values()].filter(isMeant);
    for (const event of outdated) this.#byId.delete(event.eventId);
  }

  clear(): void {
    this.#byId.clear();
  }
}

function isUpToDate(event: StoredEvent, row: EventRow): boolean {
  const knowsState = event.stateAfter !== undefined || row.state_root.length === 0;
  return knowsState && event.redactedBy === (row.redacted_by ?? undefined) && event.position === row.position;
}

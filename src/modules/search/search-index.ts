import { pause, type Timer, type Timers } from '../../platform/timers.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import { isJsonObject } from '../../protocol/json.ts';
import { searchKeys } from '../../protocol/search/search-key.ts';
import { foldText, piecesOf, termsOfPiece } from '../../protocol/search/search-text.ts';
import { StoredEvent } from '../../rooms/events/stored-event.ts';
import * as aggregationsStore from '../../storage/rooms/aggregations-store.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import * as searchStore from '../../storage/rooms/search-store.ts';
import { BEFORE_HISTORY, UnitOfWork } from '../../storage/unit-of-work.ts';
import { searchableText } from './searchable-text.ts';

/** Events that are indexed in one unit of work: few, for while it is written no message is. */
const BATCH = 100;
/** Positions of the log that are looked through for one batch. */
const MOST_POSITIONS = 5_000;
/** Time from an event to its indexing, when nobody searches. */
const DELAY_MS = 5_000;
/** Time between two batches, when nobody searches. */
const PAUSE_MS = 25;
/** Terms by which one text of an event is found; what a longer text has beyond them is not found. */
const MOST_TERMS = 500;
/** Edits of an event by whose texts it is found, the newest ones, beside the text that it was sent with. */
const MOST_EDITS = 10;

/**
 * Keeps the search index up to date, behind the log and off the path of messages. How far it came is in the database,
 * and guarded: of several processes that index the same events one wins, and the others go on from there. A message is
 * indexed by each text that it had, since who left before an edit is shown the one of before; which of them somebody
 * finds it by is decided when they search. An edit is not found by itself.
 */
export class SearchIndex {
  readonly #database: Database;
  #onError: (error: unknown) => void = () => undefined;
  readonly #timers: Timers;
  #timer: Timer | undefined;
  #work: Promise<void> = Promise.resolve();
  /** Position that somebody waits for. */
  #wanted = 0;
  #stopped = true;

  constructor(database: Database, timers: Timers) {
    this.#database = database;
    this.#timers = timers;
    database.subscribe((changes) => {
      if (changes.some((change) => change.topic === 'event')) this.#schedule(DELAY_MS);
    });
  }

  /**
   * Begins to index in the background.
   *
   * @param onError told of a batch that could not be written; it is tried again with the next event.
   */
  start(onError: (error: unknown) => void): void {
    this.#onError = onError;
    this.#stopped = false;
    this.#schedule(DELAY_MS);
  }

  /** Resolves when everything up to the present is indexed, or after some time when that is much. */
  async catchUp(waitMs = 3_000): Promise<void> {
    this.#wanted = Math.max(this.#wanted, this.#database.position());
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.#timers.after(waitMs, resolve);
    });
    await Promise.race([this.#run(), late]);
    timer?.cancel();
  }

  /** Ends after the batch that is being written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#work;
  }

  #schedule(ms: number): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = this.#timers.after(ms, () => {
      this.#timer = undefined;
      void this.#run();
    });
  }

  #run(): Promise<void> {
    this.#work = this.#work.then(() => this.#indexAll()).catch(this.#onError);
    return this.#work;
  }

  async #indexAll(): Promise<void> {
    const upTo = this.#database.position();
    for (let done = 0; done < upTo && !this.#stopped;) {
      done = await this.#indexBatch(upTo);
      if (done < upTo && done >= this.#wanted) await pause(this.#timers, PAUSE_MS);
    }
  }

  /** Gives the position up to which everything is indexed then. */
  async #indexBatch(upTo: number): Promise<number> {
    const before = await searchStore.progress(this.#database);
    if (before >= upTo) return before;
    const last = Math.min(upTo, before + MOST_POSITIONS);
    const { rows, reached } = await searchStore.events(this.#database, before, last, BATCH);
    const unit = new UnitOfWork();
    searchStore.advance(unit, before, reached);
    const events = rows.map((row) => new StoredEvent(row));
    await this.#index(unit, await this.#affected(unit, events));
    try {
      await this.#database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
      return before;
    }
    return reached;
  }

  /** The events whose text may be another one because of the given ones, which are new. */
  async #affected(unit: UnitOfWork, events: readonly StoredEvent[]): Promise<StoredEvent[]> {
    const found = new Map<EventId, StoredEvent>();
    const others = new Set<EventId>();
    const redacted: EventId[] = [];
    for (const event of events) {
      const { relation, namedTargets } = event;
      if (namedTargets.length > 0) redacted.push(...namedTargets);
      else if (relation?.relType === 'm.replace') {
        searchStore.noteEdit(unit, event.eventId, relation.parentId);
        others.add(relation.parentId);
      } else found.set(event.eventId, event);
    }
    const edited = await searchStore.editedBy(this.#database, redacted);
    for (const eventId of [...redacted, ...edited]) others.add(eventId);
    const missing = [...others].filter((eventId) => !found.has(eventId));
    for (const row of await eventsStore.byIds(this.#database, missing)) {
      if (row.position > BEFORE_HISTORY) found.set(row.event_id as EventId, new StoredEvent(row));
    }
    return [...found.values()];
  }

  /** Indexes each of the events by the texts that somebody may see of it. */
  async #index(unit: UnitOfWork, events: readonly StoredEvent[]): Promise<void> {
    const edits = await this.#editsOf(events);
    const positions = events.map((event) => event.position);
    const replaceKeys = await searchStore.searchTerms(this.#database).replacing(this.#database, positions);
    for (const event of events)
      replaceKeys(unit, event.position, keysOf(event, edits.get(event.eventId) ?? []));
  }

  /** The edits of each of the events that has any. */
  async #editsOf(events: readonly StoredEvent[]): Promise<Map<string, StoredEvent[]>> {
    const ids = events.map((event) => event.eventId);
    // Few have one, which is cheaper to see by what is counted.
    const counted = await aggregationsStore.of(this.#database, ids);
    const edited = new Set(counted.flatMap((row) => (row.edits > 0 ? row.parent_id : [])));
    const found = new Map<string, StoredEvent[]>();
    for (const event of events) {
      if (!edited.has(event.eventId) || event.stateKey !== undefined || event.redactedBy !== undefined)
        continue;
      const rows = await aggregationsStore.editsOf(this.#database, event, MOST_EDITS);
      found.set(
        event.eventId,
        rows.map((row) => new StoredEvent(row)),
      );
    }
    return found;
  }
}

function keysOf(event: StoredEvent, edits: readonly StoredEvent[]): number[] {
  const terms = new Set<string>();
  for (const edit of [undefined, ...edits]) {
    for (const term of termsOf(textNow(event, edit)?.text ?? '')) terms.add(term);
  }
  return [...new Set(Array.from(terms, searchKeys(event.roomId)))];
}

function termsOf(text: string): Set<string> {
  const terms = new Set<string>();
  for (const piece of piecesOf(foldText(text))) {
    for (const term of termsOfPiece(piece)) if (terms.size < MOST_TERMS) terms.add(term);
    if (terms.size >= MOST_TERMS) break;
  }
  return terms;
}

/** The text that an event has with an edit, or without one. An edit is not found by itself. */
export function textNow(
  event: StoredEvent,
  edit: StoredEvent | undefined,
): ReturnType<typeof searchableText> {
  const { type, relation } = event;
  if (relation?.relType === 'm.replace') return undefined;
  const content = edit?.content['m.new_content'];
  return searchableText({
    type,
    isState: event.stateKey !== undefined,
    content: isJsonObject(content) ? content : event.content,
  });
}

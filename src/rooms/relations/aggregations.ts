import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Database } from '../../storage/database.ts';
import * as aggregationsStore from '../../storage/rooms/aggregations-store.ts';
import type { AggregationRow } from '../../storage/rooms/aggregations-store.ts';
import * as relationsStore from '../../storage/rooms/relations-store.ts';
import type { EventLog } from '../events/event-log.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { RoomAccess, Visibility } from '../reading/visibility.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';

/** What relates to one event, as one user sees it (Client-Server API, "Aggregations of child events"). */
export interface Aggregation {
  edit?: StoredEvent;
  references?: readonly EventId[];
  thread?: ThreadAggregation;
}

/** A thread in short. */
export interface ThreadAggregation {
  readonly latest: StoredEvent;
  readonly count: number;
  readonly participated: boolean;
}

/** Aggregations by the event to which they belong. */
export type AggregationMap = ReadonlyMap<EventId, Aggregation>;

/** What `related_by_senders` and `related_by_rel_types` of a filter ask for. */
export interface RelatedBy {
  readonly relatedBySenders: readonly string[] | undefined;
  readonly relatedByRelTypes: readonly string[] | undefined;
}

/** References that one event is shown with. */
const MOST_REFERENCES = 1_000;
/** Edits or thread events looked at to find one that the user may see. */
const MOST_LOOKED_AT = 100;

/** One call's view of things. */
interface View {
  readonly userId: UserId;
  readonly ignored: ReadonlySet<UserId>;
  readonly accessTo: (roomId: RoomId) => Promise<RoomAccess>;
  readonly found: Map<EventId, Aggregation>;
}

/** Sums up what relates to events: edits, references and threads. */
export class Aggregations {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #visibility: Visibility;
  readonly #ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;

  /** @param needs.ignoredUsers whose events one does not want to see. */
  constructor(needs: {
    database: Database;
    log: EventLog;
    visibility: Visibility;
    ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  }) {
    this.#database = needs.database;
    this.#log = needs.log;
    this.#visibility = needs.visibility;
    this.#ignoredUsers = needs.ignoredUsers;
  }

  /**
   * What relates to each of the events, and to the newest events of their threads. Undefined when nothing does, which
   * costs nothing where it is known.
   */
  async of(events: readonly StoredEvent[], userId: UserId): Promise<AggregationMap | undefined> {
    if (!events.some(mayHaveAny)) return undefined;
    const rows = await this.#rows(events);
    if (rows.size === 0) return undefined;
    const accesses = new Map<RoomId, Promise<RoomAccess>>();
    const accessTo = (roomId: RoomId) => {
      const known = accesses.get(roomId) ?? this.#visibility.access(roomId, userId);
      accesses.set(roomId, known);
      return known;
    };
    const ignored = await this.#ignoredUsers(userId);
    const view: View = { userId, ignored, accessTo, found: new Map() };
    await this.#addEdits(view, rows);
    await this.#addReferences(view, rows);
    const latest = await this.#addThreads(view, rows);
    const ofLatest = await this.#rows(latest);
    await this.#addEdits(view, ofLatest);
    await this.#addReferences(view, ofLatest);
    return view.found;
  }

  /** Those of the events to which others relate as a filter asks, in the same order. */
  async related<Event extends StoredEvent>(
    events: readonly Event[],
    by: RelatedBy,
  ): Promise<readonly Event[]> {
    const { relatedBySenders: senders, relatedByRelTypes: relTypes } = by;
    if ((!senders && !relTypes) || events.length === 0) return events;
    const ids = events.map((event) => event.eventId);
    const found = await aggregationsStore.related(this.#database, ids, { senders, relTypes });
    return events.filter((event) => found.has(event.eventId));
  }

  async #rows(events: readonly StoredEvent[]): Promise<Map<StoredEvent, AggregationRow>> {
    const asked = events.filter(mayHaveAny);
    const rows = new Map<StoredEvent, AggregationRow>();
    for (const row of await this.#log.aggregations(asked)) {
      const event = asked.find((one) => one.eventId === row.parent_id && one.roomId === row.room_id);
      if (event) rows.set(event, row);
    }
    return rows;
  }

  async #addEdits(view: View, rows: ReadonlyMap<StoredEvent, AggregationRow>): Promise<void> {
    const edited = [...rows]
      .filter(([event, row]) => row.edits > 0 && canBeEdited(event))
      .map(([event]) => event);
    const newest = await aggregationsStore.edits(this.#database, edited.map(idOf));
    for (const row of newest) {
      const event = edited.find((one) => one.eventId === row.parent_id);
      if (!event || view.ignored.has(event.sender)) continue;
      const access = await view.accessTo(event.roomId);
      const first = this.#log.intern(row);
      const edit = (await this.#visibility.shown(access, first)) ?? (await this.#olderEdit(access, event));
      if (edit) aggregationOf(view, event).edit = edit;
    }
  }

  async #olderEdit(access: RoomAccess, event: StoredEvent): Promise<StoredEvent | undefined> {
    const rows = await aggregationsStore.editsOf(this.#database, event, MOST_LOOKED_AT);
    const edits = rows.map((row) => this.#log.intern(row));
    return (await this.#visibility.filter(access, edits))[0];
  }

  async #addReferences(view: View, rows: ReadonlyMap<StoredEvent, AggregationRow>): Promise<void> {
    for (const [event, { mentions }] of rows) {
      if (mentions === 0) continue;
      const { eventId, roomId } = event;
      const all = await aggregationsStore.references(this.#database, eventId, roomId, MOST_REFERENCES);
      const wanted = all.filter((one) => !view.ignored.has(one.sender));
      const access = await view.accessTo(roomId);
      // Only what came before the user's present time in the room has to be looked at.
      const presentFrom = access.membership === 'join' ? access.changedAt : Infinity;
      const idsOf = (rows: typeof wanted) => rows.map((one) => one.event_id);
      const visible = await this.#visible(access, idsOf(wanted.filter((one) => one.position <= presentFrom)));
      visible.push(...idsOf(wanted.filter((one) => one.position > presentFrom)));
      if (visible.length > 0) aggregationOf(view, event).references = visible;
    }
  }

  async #visible(access: RoomAccess, ids: readonly EventId[]): Promise<EventId[]> {
    const events: StoredEvent[] = [];
    for (const id of ids) {
      const event = await this.#log.byId(id);
      if (event) events.push(event);
    }
    return (await this.#visibility.filter(access, events)).map(idOf);
  }

  /** Gives the newest events of the threads, which may be edited in their turn. */
  async #addThreads(view: View, rows: ReadonlyMap<StoredEvent, AggregationRow>): Promise<StoredEvent[]> {
    const isRoot = ([event, row]: [StoredEvent, AggregationRow]) => row.thread_events > 0 && !event.relation;
    const roots = [...rows].filter(isRoot).map(([event]) => event);
    if (roots.length === 0) return [];
    const ids = roots.map(idOf);
    const newest = await aggregationsStore.newestThreadEvents(this.#database, ids);
    const own = await aggregationsStore.participated(this.#database, view.userId, ids);
    const ignored = await aggregationsStore.threadEventsBy(this.#database, [...view.ignored], ids);
    const latestEvents: StoredEvent[] = [];
    for (const root of roots) {
      const count = (rows.get(root)?.thread_events ?? 0) - (ignored.get(root.eventId) ?? 0);
      const row = newest.find((one) => one.parent_id === root.eventId && one.room_id === root.roomId);
      const latest = row && count > 0 ? await this.#latest(view, root, this.#log.intern(row)) : undefined;
      if (!latest) continue;
      const participated = root.sender === view.userId || own.has(root.eventId);
      aggregationOf(view, root).thread = { latest, count, participated };
      latestEvents.push(latest);
    }
    return latestEvents;
  }

  /** The newest event of a thread that the user may and wants to see. */
  async #latest(view: View, root: StoredEvent, newest: StoredEvent): Promise<StoredEvent | undefined> {
    const access = await view.accessTo(root.roomId);
    const shown = async (event: StoredEvent) =>
      view.ignored.has(event.sender) ? undefined : this.#visibility.shown(access, event);
    const newestShown = await shown(newest);
    if (newestShown) return newestShown;
    const rows = await relationsStore.children(this.#database, {
      parentId: root.eventId,
      roomId: root.roomId,
      relType: 'm.thread',
      type: undefined,
      recurse: false,
      after: BEFORE_HISTORY,
      upTo: newest.position - 1,
      newestFirst: true,
      limit: MOST_LOOKED_AT,
    });
    for (const row of rows) {
      const event = await shown(this.#log.intern(row));
      if (event) return event;
    }
    return undefined;
  }
}

/** State events get no aggregations (Client-Server API, "Aggregations of child events"). */
function mayHaveAny(event: StoredEvent): boolean {
  return event.hasAggregations !== false && event.stateKey === undefined;
}

function canBeEdited(event: StoredEvent): boolean {
  return event.redactedBy === undefined && event.relation?.relType !== 'm.replace';
}

function idOf(event: StoredEvent): EventId {
  return event.eventId;
}

function aggregationOf(view: View, event: StoredEvent): Aggregation {
  const known = view.found.get(event.eventId);
  if (known) return known;
  const made: Aggregation = {};
  view.found.set(event.eventId, made);
  return made;
}

import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader } from '../database.ts';
import type { EventRow } from './events-store.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';

/** A row of the table `aggregations`: what relates to an event, in numbers. */
export interface AggregationRow {
  readonly parent_id: string;
  readonly room_id: string;
  readonly edits: number;
  readonly mentions: number;
  readonly thread_events: number;
  /** Position of the thread's newest event. */
  readonly thread_position: number | null;
}

/** An event that stands for others at an event, such as its newest edit. */
export interface ChildRow extends EventRow {
  readonly parent_id: string;
}

/** A thread in the list of a room. */
export interface ThreadRow {
  readonly root_id: string;
  readonly thread_position: number;
  /** Who sent the thread's newest event. */
  readonly newest_by: UserId | null;
  /** Events that the asking user sent to the thread. */
  readonly own_events: number | null;
}

/** IDs that one statement takes. */
const MANY = 16;
const SLOTS = slots(MANY);

const ofParents = sql(`SELECT * FROM aggregations WHERE parent_id IN (${SLOTS})`);
const newestEdits = sql(
  `SELECT parents.event_id AS parent_id, edits.* FROM events AS parents JOIN events AS edits ON edits.position = (
     SELECT position FROM event_relations WHERE event_relations.parent_id = parents.event_id
       AND event_relations.sender = parents.sender AND event_relations.type = parents.type
       AND event_relations.room_id = parents.room_id AND event_relations.edits = 1
     ORDER BY event_relations.origin_server_ts DESC, event_relations.event_id DESC LIMIT 1)
   WHERE parents.event_id IN (${SLOTS}) AND parents.state_key IS NULL AND parents.redacted_by IS NULL`,
);
const olderEdits = sql(
  `SELECT events.* FROM event_relations JOIN events ON events.position = event_relations.position
   WHERE parent_id = ? AND event_relations.sender = ? AND event_relations.type = ? AND event_relations.room_id = ?
     AND edits = 1 ORDER BY event_relations.origin_server_ts DESC, event_relations.event_id DESC LIMIT ?`,
);
const newestInThreads = sql(
  `SELECT aggregations.parent_id AS parent_id, events.* FROM aggregations
   JOIN events ON events.position = aggregations.thread_position AND events.room_id = aggregations.room_id
   WHERE aggregations.parent_id IN (${SLOTS})`,
);
const ownThreadEvents = sql(
  `SELECT root_id, room_id FROM thread_participants WHERE sender = ? AND events > 0 AND root_id IN (${SLOTS})`,
);
const threadEventsOf = sql(
  `SELECT root_id, room_id, SUM(events) AS events FROM thread_participants
   WHERE root_id IN (${SLOTS}) AND sender IN (${SLOTS}) GROUP BY root_id, room_id`,
);
const referencing = sql(
  `SELECT event_id, sender, position FROM event_relations
   WHERE parent_id = ? AND rel_type = 'm.reference' AND room_id = ?
   ORDER BY position LIMIT ?`,
);
const threadsOfRoom = sql(
  `SELECT parent_id AS root_id, thread_position, (SELECT sender FROM event_relations
     WHERE event_relations.parent_id = aggregations.parent_id AND position = thread_position) AS newest_by,
     (SELECT events FROM thread_participants
     WHERE root_id = aggregations.parent_id AND thread_participants.room_id = aggregations.room_id
       AND sender = ?) AS own_events
   FROM aggregations WHERE room_id = ? AND thread_events > 0 AND thread_position <= ?
   ORDER BY thread_position DESC LIMIT ?`,
);
const sendersInThread = sql(
  `SELECT position, sender FROM event_relations
   WHERE parent_id = ? AND room_id = ? AND rel_type = 'm.thread' AND position < ?
   ORDER BY position DESC LIMIT ?`,
);
/** Threads that one statement looks into, and how many events of each. */
const MANY_THREADS = 50;
export const LAST_SPOKEN = 20;
const LAST_OF_THREAD = `SELECT * FROM (SELECT parent_id AS root_id, position, sender FROM event_relations
   WHERE parent_id = ? AND room_id = ? AND rel_type = 'm.thread' ORDER BY position DESC LIMIT ${LAST_SPOKEN}) AS last`;
const lastOfThreads = sql(Array.from({ length: MANY_THREADS }, () => LAST_OF_THREAD).join(' UNION ALL '));
const positionsOfRoots = sql(`SELECT event_id, position FROM events WHERE event_id IN (${SLOTS})`);
const relatedBy = sql(
  `SELECT event_id FROM events WHERE event_id IN (${SLOTS}) AND EXISTS (
     SELECT 1 FROM event_relations WHERE event_relations.parent_id = events.event_id
       AND event_relations.room_id = events.room_id
       AND (? = '' OR event_relations.sender IN (${SLOTS})) AND (? = '' OR rel_type IN (${SLOTS})))`,
);

/** Calls `read` with as many IDs at a time as a statement takes. */
async function ofMany<Row>(
  ids: readonly string[],
  read: (part: string[]) => Promise<readonly Row[]>,
): Promise<Row[]> {
  return (await Promise.all([...inSlots(ids, MANY)].map(read))).flat();
}

/** Counts of what relates to the events, for those to which anything counted does. */
export function of(reader: Reader, parents: readonly EventId[]): Promise<AggregationRow[]> {
  return ofMany(parents, (part) => reader.all<AggregationRow>(ofParents, ...part));
}

/** The newest valid edit of each of the events that has one. */
export function edits(reader: Reader, parents: readonly EventId[]): Promise<ChildRow[]> {
  return ofMany(parents, (part) => reader.all<ChildRow>(newestEdits, ...part));
}

/** Edits of one event by its sender, newest first. */
export function editsOf(
  reader: Reader,
  parent: { eventId: EventId; sender: UserId; type: string; roomId: RoomId },
  limit: number,
): Promise<EventRow[]> {
  return reader.all<EventRow>(olderEdits, parent.eventId, parent.sender, parent.type, parent.roomId, limit);
}

/** The newest event of each thread. */
export function newestThreadEvents(reader: Reader, roots: readonly EventId[]): Promise<ChildRow[]> {
  return ofMany(roots, (part) => reader.all<ChildRow>(newestInThreads, ...part));
}

/** Those of the threads to which the user sent something. */
export async function participated(
  reader: Reader,
  userId: UserId,
  roots: readonly EventId[],
): Promise<Set<string>> {
  const rows = await ofMany(roots, (part) => {
    return reader.all<{ root_id: string }>(ownThreadEvents, userId, ...part);
  });
  return new Set(rows.map((row) => row.root_id));
}

/** How many events the senders sent to each of the threads. */
export async function threadEventsBy(
  reader: Reader,
  senders: readonly UserId[],
  roots: readonly EventId[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  await ofMany(roots, (part) =>
    ofMany(senders, async (some) => {
      const rows = await reader.all<{ root_id: string; events: number }>(threadEventsOf, ...part, ...some);
      for (const row of rows) counts.set(row.root_id, (counts.get(row.root_id) ?? 0) + Number(row.events));
      return rows;
    }),
  );
  return counts;
}

/** The first events that refer to one by `m.reference`, oldest first. */
export function references(
  reader: Reader,
  parentId: EventId,
  roomId: RoomId,
  limit: number,
): Promise<{ event_id: EventId; sender: UserId; position: number }[]> {
  return reader.all(referencing, parentId, roomId, limit);
}

/** Threads of a room whose newest event is not after `upTo`, the one spoken in last first. */
export function threads(
  reader: Reader,
  roomId: RoomId,
  want: { userId: UserId; upTo: number; limit: number },
): Promise<ThreadRow[]> {
  return reader.all<ThreadRow>(threadsOfRoom, want.userId, roomId, want.upTo, want.limit);
}

/** Who sent the last events of each of the threads of a room, at most `LAST_SPOKEN`, newest first. */
export async function lastSenders(
  reader: Reader,
  roomId: RoomId,
  roots: readonly string[],
): Promise<Map<string, { readonly position: number; readonly sender: UserId }[]>> {
  type Row = { root_id: string; position: number; sender: UserId };
  const parts = [...inSlots(roots, MANY_THREADS)].map((part) =>
    reader.all<Row>(lastOfThreads, ...part.flatMap((root) => [root, roomId])),
  );
  const found = new Map<string, Map<number, Row>>();
  for (const row of (await Promise.all(parts)).flat()) {
    // Threads may be there twice, where places of the statement were left over.
    const rows = found.get(row.root_id) ?? new Map<number, Row>();
    found.set(row.root_id, rows.set(row.position, row));
  }
  const newestFirst = (rows: Map<number, Row>) => [...rows.values()].sort((a, b) => b.position - a.position);
  return new Map([...found].map(([root, rows]) => [root, newestFirst(rows)]));
}

/** Positions of those of the roots that are here. */
export async function rootPositions(reader: Reader, roots: readonly string[]): Promise<Map<string, number>> {
  const rows = await ofMany(roots, (part) =>
    reader.all<{ event_id: string; position: number }>(positionsOfRoots, ...part),
  );
  return new Map(rows.map((row) => [row.event_id, row.position]));
}

/** Who sent the events of a thread that came before a position, newest first. */
export function threadSenders(
  reader: Reader,
  thread: { rootId: string; roomId: RoomId },
  before: number,
  limit: number,
): Promise<{ position: number; sender: UserId }[]> {
  return reader.all(sendersInThread, thread.rootId, thread.roomId, before, limit);
}

/** Those of the events to which one of the senders relates by one of the types. An undefined list matches all. */
export async function related(
  reader: Reader,
  events: readonly EventId[],
  by: { senders: readonly string[] | undefined; relTypes: readonly string[] | undefined },
): Promise<Set<string>> {
  const found = new Set<string>();
  const senders = by.senders ?? [''];
  const relTypes = by.relTypes ?? [''];
  await ofMany(events, (part) =>
    ofMany(senders, (someSenders) =>
      ofMany(relTypes, async (someTypes) => {
        const conditions = [by.senders ? 'x' : '', ...someSenders, by.relTypes ? 'x' : '', ...someTypes];
        const rows = await reader.all<{ event_id: string }>(relatedBy, ...part, ...conditions);
        for (const row of rows) found.add(row.event_id);
        return rows;
      }),
    ),
  );
  return found;
}

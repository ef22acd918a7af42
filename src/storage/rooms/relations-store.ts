import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { EventRow } from './events-store.ts';
import type { Reader, SqlParameter, SqlValue, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** How an event relates to another (`m.relates_to`). */
export interface Relation {
  readonly parentId: EventId;
  readonly relType: string;
  /** The annotation's key, for `m.annotation`. */
  readonly key: string | undefined;
}

/** An event that relates to another, and how. */
export interface RelatedEvent extends Relation {
  readonly eventId: EventId;
  readonly roomId: RoomId;
  readonly type: string;
  readonly sender: UserId;
  readonly originServerTs: number;
  /** Whether it has what an `m.replace` needs to be valid, as far as it can be told without its parent. */
  readonly isEdit: boolean;
}

/** Steps from an event to those that relate to it by way of others. */
export const MOST_RELATION_STEPS = 3;

const insertRelation = sql(
  `INSERT INTO event_relations (parent_id, position, room_id, event_id, rel_type, type, sender, key,
     origin_server_ts, edits) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
);
const insertIndirect = sql(
  `INSERT INTO indirect_relations (ancestor_id, position, event_id, depth)
   SELECT parent_id, CAST(? AS BIGINT), CAST(? AS TEXT), 2 FROM event_relations WHERE event_id = ? AND room_id = ?
   UNION ALL SELECT ancestor_id, CAST(? AS BIGINT), CAST(? AS TEXT), depth + 1 FROM indirect_relations
   WHERE event_id = ? AND depth < ${MOST_RELATION_STEPS}
     AND EXISTS (SELECT 1 FROM event_relations WHERE event_id = ? AND room_id = ?)`,
);
const countRelation = sql(
  `INSERT INTO aggregations (parent_id, room_id, edits, mentions, thread_events, thread_position)
   VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (parent_id, room_id) DO UPDATE SET
     edits = aggregations.edits + excluded.edits, mentions = aggregations.mentions + excluded.mentions,
     thread_events = aggregations.thread_events + excluded.thread_events,
     thread_position = CASE WHEN aggregations.thread_position >= COALESCE(excluded.thread_position,
       aggregations.thread_position) THEN aggregations.thread_position ELSE excluded.thread_position END`,
);
const countParticipant = sql(
  `INSERT INTO thread_participants (root_id, room_id, sender, events) VALUES (?, ?, ?, 1)
   ON CONFLICT (root_id, room_id, sender) DO UPDATE SET events = thread_participants.events + 1`,
);
const deleteIndirectThrough = sql(
  `DELETE FROM indirect_relations WHERE event_id IN (
     SELECT event_id FROM event_relations WHERE parent_id = ?
     UNION SELECT event_id FROM indirect_relations WHERE ancestor_id = ?)
   AND ancestor_id IN (
     SELECT parent_id FROM event_relations WHERE event_id = ?
     UNION SELECT ancestor_id FROM indirect_relations WHERE event_id = ?)`,
);
const deleteIndirect = sql(`DELETE FROM indirect_relations WHERE event_id = ?`);
const deleteRelation = sql(`DELETE FROM event_relations WHERE event_id = ?`);
const discountRelation = sql(
  `UPDATE aggregations SET edits = edits - ?, mentions = mentions - ?, thread_events = thread_events - ?,
     thread_position = (SELECT MAX(position) FROM event_relations WHERE event_relations.parent_id = ?
       AND event_relations.room_id = ? AND rel_type = 'm.thread')
   WHERE parent_id = ? AND room_id = ?`,
);
const discountParticipant = sql(
  `UPDATE thread_participants SET events = events - 1 WHERE root_id = ? AND room_id = ? AND sender = ?`,
);
const annotationOf = sql(
  `SELECT 1 AS found FROM event_relations WHERE parent_id = ? AND sender = ? AND rel_type = 'm.annotation'
     AND type = ? AND key = ? LIMIT 1`,
);

/** Records that the event at a position relates to another, and counts it where relations are counted. */
export function insert(writer: Writer, row: RelatedEvent, at: Position): void {
  const { parentId, roomId, eventId, relType, type, sender, key, originServerTs } = row;
  const edits = row.isEdit ? 1 : 0;
  const parameters: SqlParameter[] = [parentId, at, roomId, eventId, relType, type, sender, key ?? null];
  writer.run(insertRelation, ...parameters, originServerTs, edits);
  const ancestors: SqlParameter[] = [at, eventId, parentId, roomId, at, eventId, parentId, parentId, roomId];
  writer.run(insertIndirect, ...ancestors);
  const counts = countsOf(row);
  if (!counts) return;
  writer.run(countRelation, parentId, roomId, ...counts, relType === 'm.thread' ? at : null);
  if (relType === 'm.thread') writer.run(countParticipant, parentId, roomId, sender);
}

/** Forgets that an event relates to another: it is redacted. */
export function remove(writer: Writer, row: RelatedEvent): void {
  const { parentId, roomId, eventId, sender } = row;
  writer.run(deleteIndirectThrough, eventId, eventId, eventId, eventId);
  writer.run(deleteIndirect, eventId);
  writer.run(deleteRelation, eventId);
  const counts = countsOf(row);
  if (!counts) return;
  writer.run(discountRelation, ...counts, parentId, roomId, parentId, roomId);
  if (row.relType === 'm.thread') writer.run(discountParticipant, parentId, roomId, sender);
}

/** Whether the relation is part of what is counted of its parent: edits, references and threads are. */
export function isCounted(row: RelatedEvent): boolean {
  return countsOf(row) !== undefined;
}

/** What a relation adds to the counts of edits, references and thread events; undefined for what nobody counts. */
function countsOf(row: RelatedEvent): [number, number, number] | undefined {
  if (row.isEdit) return [1, 0, 0];
  if (row.relType === 'm.reference') return [0, 1, 0];
  return row.relType === 'm.thread' ? [0, 0, 1] : undefined;
}

/** Which of the events that relate to one are wanted. Types that are undefined match any. */
export interface WantedChildren {
  readonly parentId: EventId;
  readonly roomId: RoomId;
  readonly relType: string | undefined;
  readonly type: string | undefined;
  /** Give also what relates by way of others. */
  readonly recurse: boolean;
  readonly after: number;
  readonly upTo: number;
  readonly newestFirst: boolean;
  readonly limit: number;
}

const DIRECT = `parent_id = ? AND position > ? AND position <= ? AND room_id = ?`;
const INDIRECT = `SELECT indirect_relations.position AS position, event_relations.rel_type AS rel_type,
    event_relations.type AS type FROM indirect_relations
  JOIN event_relations ON event_relations.event_id = indirect_relations.event_id
  WHERE ancestor_id = ? AND indirect_relations.position > ? AND indirect_relations.position <= ? AND room_id = ?`;

function pageOf(from: string, order: 'ASC' | 'DESC') {
  return sql(
    `SELECT events.* FROM (${from} ORDER BY position ${order} LIMIT ?) AS found
     JOIN events ON events.position = found.position ORDER BY found.position ${order}`,
  );
}

const ANY_TYPE = `SELECT position FROM event_relations WHERE ${DIRECT} AND (? = '' OR type = ?)`;
const ONE_REL_TYPE = `SELECT position FROM event_relations WHERE ${DIRECT} AND (? = '' OR type = ?) AND rel_type = ?`;
const RECURSIVE = `SELECT position FROM (SELECT position, rel_type, type FROM event_relations WHERE ${DIRECT}
  UNION ALL ${INDIRECT}) AS related WHERE (? = '' OR rel_type = ?) AND (? = '' OR type = ?)`;
const pages = {
  DESC: { any: pageOf(ANY_TYPE, 'DESC'), one: pageOf(ONE_REL_TYPE, 'DESC'), all: pageOf(RECURSIVE, 'DESC') },
  ASC: { any: pageOf(ANY_TYPE, 'ASC'), one: pageOf(ONE_REL_TYPE, 'ASC'), all: pageOf(RECURSIVE, 'ASC') },
};

/** Events that relate to one, with `after` < position <= `upTo`, from one end of the range. */
export function children(reader: Reader, want: WantedChildren): Promise<EventRow[]> {
  const statements = pages[want.newestFirst ? 'DESC' : 'ASC'];
  const range: SqlValue[] = [want.parentId, want.after, want.upTo, want.roomId];
  const type = want.type ?? '';
  const relType = want.relType ?? '';
  if (want.recurse) {
    const types = [relType, relType, type, type];
    return reader.all<EventRow>(statements.all, ...range, ...range, ...types, want.limit);
  }
  if (relType === '') return reader.all<EventRow>(statements.any, ...range, type, type, want.limit);
  return reader.all<EventRow>(statements.one, ...range, type, type, relType, want.limit);
}

/** Whether the sender already annotated the event with this key. */
export async function hasAnnotation(
  reader: Reader,
  parentId: EventId,
  annotation: { sender: string; type: string; key: string },
): Promise<boolean> {
  const { sender, type, key } = annotation;
  return (await reader.get(annotationOf, parentId, sender, type, key)) !== undefined;
}

import type { EventId } from '../protocol/identifiers.ts';
import type { EventRow } from './events-store.ts';
import type { Reader, Writer } from './database.ts';
import { sql } from './sql.ts';
import type { Position } from './unit-of-work.ts';

/** How an event relates to another (`m.relates_to`). */
export interface Relation {
  readonly parentId: EventId;
  readonly relType: string;
  /** The annotation's key, for `m.annotation`. */
  readonly key: string | undefined;
}

const insertRelation = sql(
  `INSERT INTO relations (parent_id, position, rel_type, type, sender, key) VALUES (?, ?, ?, ?, ?, ?)`,
);
const childrenBackward = sql(
  `SELECT events.* FROM relations JOIN events ON events.position = relations.position
   WHERE relations.parent_id = ? AND relations.position > ? AND relations.position <= ?
     AND (? = '' OR relations.rel_type = ?) AND (? = '' OR relations.type = ?)
   ORDER BY relations.position DESC LIMIT ?`,
);
const annotationOf = sql(
  `SELECT 1 AS found FROM relations JOIN events ON events.position = relations.position
   WHERE parent_id = ? AND rel_type = 'm.annotation' AND relations.sender = ? AND relations.type = ?
     AND key = ? AND events.redacted_by IS NULL LIMIT 1`,
);

/** Records that the event at a position relates to another. */
export function insert(writer: Writer, row: Relation & { type: string; sender: string }, at: Position): void {
  writer.run(insertRelation, row.parentId, at, row.relType, row.type, row.sender, row.key ?? null);
}

/** Events that relate to one, newest first, with `after` < position <= `upTo`; an empty string matches any type. */
export function children(
  reader: Reader,
  parentId: EventId,
  want: { relType: string; type: string; after: number; upTo: number; limit: number },
): Promise<EventRow[]> {
  const { relType, type } = want;
  return reader.all<EventRow>(
    childrenBackward,
    parentId,
    want.after,
    want.upTo,
    relType,
    relType,
    type,
    type,
    want.limit,
  );
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

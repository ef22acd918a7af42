import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** What somebody reported: an event in a room, a room, or a user. */
export interface Report {
  readonly id: string;
  readonly reporter: UserId;
  /** Milliseconds. */
  readonly receivedAt: number;
  readonly roomId: RoomId | undefined;
  readonly eventId: EventId | undefined;
  readonly userId: UserId | undefined;
  readonly reason: string;
  readonly score: number | undefined;
}

/** A row of the table `reports`. */
export interface ReportRow {
  readonly id: string;
  readonly reporter: string;
  readonly received_at: number;
  readonly room_id: string | null;
  readonly event_id: string | null;
  readonly user_id: string | null;
  readonly reason: string;
  readonly score: number | null;
}

const insert = sql(
  `INSERT INTO reports (id, reporter, received_at, room_id, event_id, user_id, reason, score)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
);
const removeOldOfReporter = sql(
  `DELETE FROM reports WHERE reporter = ? AND id IN (
     SELECT id FROM reports WHERE reporter = ? ORDER BY received_at DESC, id LIMIT 100000 OFFSET ?)`,
);
const newest = sql(`SELECT * FROM reports ORDER BY received_at DESC, id LIMIT ?`);

/** Adds a report; of the reporter's earlier ones, only the newest are kept. */
export function add(writer: Writer, report: Report, keep: number): void {
  const { id, reporter, receivedAt, roomId, eventId, userId, reason, score } = report;
  writer.run(removeOldOfReporter, reporter, reporter, keep - 1);
  writer.run(
    insert,
    ...[id, reporter, receivedAt, roomId ?? null, eventId ?? null, userId ?? null, reason, score ?? null],
  );
}

/** The newest reports, at most `limit`. */
export function latest(reader: Reader, limit: number): Promise<ReportRow[]> {
  return reader.all<ReportRow>(newest, limit);
}

/** An event is kept as each server sent it: what one makes of another's event must not stand in for it. */
export const waitingEventsByOrigin = {
  number: 69,
  name: 'waiting-events-by-origin',
  statements: [
    `CREATE TABLE waiting_events_by_server (
      room_id TEXT NOT NULL,
      event_id TEXT NOT NULL,
      origin TEXT NOT NULL,
      tries BIGINT NOT NULL,
      next_at BIGINT NOT NULL,
      depth BIGINT NOT NULL,
      pdu TEXT NOT NULL,
      PRIMARY KEY (room_id, event_id, origin)
    )`,
    `INSERT INTO waiting_events_by_server (room_id, event_id, origin, tries, next_at, depth, pdu)
      SELECT room_id, event_id, origin, tries, next_at, depth, pdu FROM waiting_events`,
    `DROP TABLE waiting_events`,
    `ALTER TABLE waiting_events_by_server RENAME TO waiting_events`,
    `CREATE INDEX waiting_events_by_origin ON waiting_events (origin)`,
    `CREATE INDEX waiting_events_by_time ON waiting_events (next_at)`,
  ],
};

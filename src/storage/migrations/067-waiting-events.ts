/** Events of other servers that came and could not be judged yet: they are looked at again. */
export const waitingEvents = {
  number: 67,
  name: 'waiting-events',
  statements: [
    `CREATE TABLE waiting_events (
      room_id TEXT NOT NULL,
      event_id TEXT NOT NULL,
      origin TEXT NOT NULL,
      tries BIGINT NOT NULL,
      next_at BIGINT NOT NULL,
      depth BIGINT NOT NULL,
      pdu TEXT NOT NULL,
      PRIMARY KEY (room_id, event_id)
    )`,
    `CREATE INDEX waiting_events_by_origin ON waiting_events (origin)`,
    `CREATE INDEX waiting_events_by_time ON waiting_events (next_at)`,
  ],
};

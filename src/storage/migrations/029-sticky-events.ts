/** Events that are told to everybody in their room for a time (MSC4354), also where they waited before they were sent. */
export const stickyEvents = {
  number: 29,
  name: 'sticky-events',
  statements: [
    `CREATE TABLE sticky_events (
      room_id TEXT NOT NULL,
      position INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      expires_at INTEGER NOT NULL,
      PRIMARY KEY (room_id, position)
    )`,
    `CREATE INDEX sticky_events_by_expiry ON sticky_events (expires_at)`,
    `ALTER TABLE delayed_events ADD COLUMN sticky INTEGER`,
  ],
};

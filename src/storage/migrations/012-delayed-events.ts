/** Events that are to be sent later. */
export const delayedEvents = {
  number: 12,
  name: 'delayed-events',
  statements: [
    `CREATE TABLE delayed_events (
      id TEXT PRIMARY KEY,
      user_id TEXT NOT NULL,
      device_id TEXT,
      room_id TEXT NOT NULL,
      type TEXT NOT NULL,
      state_key TEXT,
      content TEXT NOT NULL,
      redacts TEXT,
      replaces TEXT,
      request BLOB,
      delay INTEGER NOT NULL,
      running_since INTEGER NOT NULL,
      due_at INTEGER NOT NULL,
      claims INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID`,
    `CREATE INDEX delayed_events_by_time ON delayed_events (due_at, id)`,
    `CREATE INDEX delayed_events_by_user ON delayed_events (user_id, id)`,
    `CREATE UNIQUE INDEX delayed_events_by_request ON delayed_events (request) WHERE request IS NOT NULL`,
  ],
};

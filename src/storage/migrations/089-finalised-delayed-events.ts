/** What became of delayed events: they were sent, cancelled, or could not be sent. */
export const finalisedDelayedEvents = {
  number: 89,
  name: 'finalised-delayed-events',
  statements: [
    `CREATE TABLE finalised_delayed_events (
      id TEXT PRIMARY KEY,
      user_id TEXT NOT NULL,
      room_id TEXT NOT NULL,
      type TEXT NOT NULL,
      state_key TEXT,
      content TEXT NOT NULL,
      delay INTEGER NOT NULL,
      running_since INTEGER NOT NULL,
      finalised_at INTEGER NOT NULL,
      was_asked INTEGER NOT NULL,
      event_id TEXT,
      error TEXT
    ) WITHOUT ROWID`,
    `CREATE INDEX finalised_delayed_events_by_user ON finalised_delayed_events (user_id, finalised_at, id)`,
    `CREATE INDEX finalised_delayed_events_by_time ON finalised_delayed_events (finalised_at, id)`,
  ],
};

/** What each connection of a client's sliding sync was sent, and the threads that users subscribe to. */
export const slidingSync = {
  number: 15,
  name: 'sliding-sync',
  statements: [
    `CREATE TABLE sliding_sync_states (
      user_id TEXT NOT NULL,
      device_id TEXT NOT NULL,
      conn_id TEXT NOT NULL,
      generation TEXT NOT NULL,
      parent TEXT NOT NULL,
      state TEXT NOT NULL,
      used_at INTEGER NOT NULL,
      PRIMARY KEY (user_id, device_id, conn_id, generation)
    ) WITHOUT ROWID`,
    `CREATE INDEX sliding_sync_states_by_age ON sliding_sync_states (used_at)`,
    `CREATE TABLE thread_subscriptions (
      user_id TEXT NOT NULL,
      room_id TEXT NOT NULL,
      root_id TEXT NOT NULL,
      subscribed INTEGER NOT NULL,
      automatic INTEGER NOT NULL,
      unsubscribed_after INTEGER,
      position INTEGER NOT NULL,
      PRIMARY KEY (user_id, room_id, root_id)
    ) WITHOUT ROWID`,
    `CREATE INDEX thread_subscriptions_by_position ON thread_subscriptions (user_id, position)`,
  ],
};

/** What the modules keep: profiles, account data, receipts, presence, push rules, unread counts, filters. */
export const modules = {
  number: 4,
  name: 'modules',
  statements: [
    `CREATE TABLE profiles (
      user_id TEXT NOT NULL,
      field TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (user_id, field)
    ) WITHOUT ROWID`,
    `CREATE TABLE account_data (
      user_id TEXT NOT NULL,
      room_id TEXT NOT NULL,
      type TEXT NOT NULL,
      content TEXT NOT NULL,
      position INTEGER NOT NULL,
      PRIMARY KEY (user_id, room_id, type)
    ) WITHOUT ROWID`,
    `CREATE TABLE receipts (
      room_id TEXT NOT NULL,
      user_id TEXT NOT NULL,
      type TEXT NOT NULL,
      thread_id TEXT NOT NULL,
      event_id TEXT NOT NULL,
      event_position INTEGER NOT NULL,
      ts INTEGER NOT NULL,
      position INTEGER NOT NULL,
      PRIMARY KEY (room_id, user_id, type, thread_id)
    ) WITHOUT ROWID`,
    `CREATE INDEX receipts_by_position ON receipts (room_id, position)`,
    `CREATE TABLE presence (
      user_id TEXT PRIMARY KEY,
      presence TEXT NOT NULL,
      status_msg TEXT,
      last_active_at INTEGER NOT NULL,
      position INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE filters (
      user_id TEXT NOT NULL,
      filter_id TEXT NOT NULL,
      filter TEXT NOT NULL,
      PRIMARY KEY (user_id, filter_id)
    ) WITHOUT ROWID`,
    `CREATE TABLE unread_counts (
      user_id TEXT NOT NULL,
      room_id TEXT NOT NULL,
      counts TEXT NOT NULL,
      PRIMARY KEY (user_id, room_id)
    ) WITHOUT ROWID`,
  ],
};

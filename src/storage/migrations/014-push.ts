/** Push: pushers, what they have to push, who dispatches it, and the push rules of before. */
export const push = {
  number: 14,
  name: 'push',
  statements: [
    `CREATE TABLE pushers (
      user_id TEXT NOT NULL,
      app_id TEXT NOT NULL,
      pushkey TEXT NOT NULL,
      kind TEXT NOT NULL,
      app_display_name TEXT NOT NULL,
      device_display_name TEXT NOT NULL,
      profile_tag TEXT,
      lang TEXT NOT NULL,
      data TEXT NOT NULL,
      device_id TEXT NOT NULL,
      enabled INTEGER NOT NULL,
      gateway TEXT NOT NULL,
      set_at INTEGER NOT NULL,
      since INTEGER NOT NULL,
      unsubscribe_token TEXT,
      badge INTEGER,
      wants_badge INTEGER NOT NULL DEFAULT 0,
      failures INTEGER NOT NULL DEFAULT 0,
      sent_at INTEGER,
      next_at INTEGER,
      PRIMARY KEY (user_id, app_id, pushkey)
    ) WITHOUT ROWID`,
    `CREATE INDEX pushers_by_key ON pushers (app_id, pushkey)`,
    `CREATE INDEX pushers_by_time ON pushers (gateway, next_at) WHERE next_at IS NOT NULL`,
    `CREATE UNIQUE INDEX pushers_by_token ON pushers (unsubscribe_token) WHERE unsubscribe_token IS NOT NULL`,
    `CREATE TABLE pushes (
      user_id TEXT NOT NULL,
      app_id TEXT NOT NULL,
      pushkey TEXT NOT NULL,
      position INTEGER NOT NULL,
      room_id TEXT NOT NULL,
      event_id TEXT NOT NULL,
      tweaks TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (user_id, app_id, pushkey, position)
    ) WITHOUT ROWID`,
    `CREATE TABLE push_dispatch (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      position INTEGER NOT NULL,
      holder TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    )`,
    `INSERT INTO push_dispatch (id, position, holder, expires_at) VALUES (1, 0, '', 0)`,
    `CREATE TABLE past_push_rules (
      user_id TEXT NOT NULL,
      until_position INTEGER NOT NULL,
      content TEXT NOT NULL,
      PRIMARY KEY (user_id, until_position)
    ) WITHOUT ROWID`,
  ],
};

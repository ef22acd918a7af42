/** Other servers: their keys, where they stand, and what is on its way to them. */
export const federation = {
  number: 17,
  name: 'federation',
  statements: [
    `CREATE TABLE destinations (
      server_name TEXT PRIMARY KEY,
      position INTEGER NOT NULL DEFAULT 0,
      failing_since INTEGER,
      retry_at INTEGER NOT NULL DEFAULT 0,
      retry_ms INTEGER NOT NULL DEFAULT 0,
      lease_owner TEXT,
      lease_until INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID`,
    `CREATE TABLE server_keys (
      server_name TEXT NOT NULL,
      key_id TEXT NOT NULL,
      public_key TEXT NOT NULL,
      valid_until INTEGER NOT NULL,
      PRIMARY KEY (server_name, key_id)
    ) WITHOUT ROWID`,
    `CREATE TABLE server_key_answers (
      server_name TEXT PRIMARY KEY,
      answer TEXT NOT NULL,
      fetched_at INTEGER NOT NULL,
      valid_until INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE room_servers (
      server_name TEXT NOT NULL,
      room_id TEXT NOT NULL,
      joined INTEGER NOT NULL,
      since INTEGER NOT NULL,
      left_at INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (server_name, room_id)
    ) WITHOUT ROWID`,
    `CREATE INDEX room_servers_by_room ON room_servers (room_id, server_name) WHERE joined > 0`,
    `ALTER TABLE rooms ADD COLUMN remote_joined INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE events ADD COLUMN outgoing INTEGER`,
    `CREATE INDEX outgoing_events ON events (room_id, position) WHERE outgoing = 1`,
    `CREATE TABLE outgoing_edus (
      server_name TEXT NOT NULL,
      position INTEGER NOT NULL,
      type TEXT NOT NULL,
      content TEXT NOT NULL,
      PRIMARY KEY (server_name, position)
    ) WITHOUT ROWID`,
    `CREATE TABLE device_list_streams (
      user_id TEXT PRIMARY KEY,
      stream_id INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE remote_device_lists (
      user_id TEXT PRIMARY KEY,
      stream_id INTEGER NOT NULL,
      stale INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX stale_device_lists ON remote_device_lists (user_id) WHERE stale = 1`,
  ],
};

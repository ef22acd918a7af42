/** Rooms: the event log, room state, membership, aliases. */
export const rooms = {
  number: 3,
  name: 'rooms',
  statements: [
    `CREATE TABLE rooms (
      room_id TEXT PRIMARY KEY,
      room_version TEXT NOT NULL,
      creator TEXT NOT NULL,
      version INTEGER NOT NULL,
      extremities TEXT NOT NULL,
      depth INTEGER NOT NULL,
      state_root BLOB NOT NULL,
      joined_count INTEGER NOT NULL,
      invited_count INTEGER NOT NULL,
      position INTEGER NOT NULL,
      published INTEGER NOT NULL DEFAULT 0
    )`,
    `CREATE INDEX rooms_published ON rooms (joined_count DESC, room_id) WHERE published = 1`,
    `CREATE TABLE events (
      position INTEGER PRIMARY KEY,
      event_id TEXT NOT NULL,
      room_id TEXT NOT NULL,
      type TEXT NOT NULL,
      state_key TEXT,
      sender TEXT NOT NULL,
      origin_server_ts INTEGER NOT NULL,
      content TEXT NOT NULL,
      envelope TEXT NOT NULL,
      state_root BLOB NOT NULL,
      replaces TEXT,
      redacted_by TEXT,
      txn TEXT
    )`,
    `CREATE UNIQUE INDEX events_by_id ON events (event_id)`,
    `CREATE INDEX events_by_room ON events (room_id, position)`,
    `CREATE INDEX state_events_by_room ON events (room_id, position) WHERE state_key IS NOT NULL`,
    `CREATE TABLE state_nodes (hash BLOB PRIMARY KEY, node BLOB NOT NULL) WITHOUT ROWID`,
    `CREATE TABLE current_state (
      room_id TEXT NOT NULL,
      type TEXT NOT NULL,
      state_key TEXT NOT NULL,
      position INTEGER NOT NULL,
      PRIMARY KEY (room_id, type, state_key)
    ) WITHOUT ROWID`,
    `CREATE TABLE memberships (
      user_id TEXT NOT NULL,
      room_id TEXT NOT NULL,
      membership TEXT NOT NULL,
      position INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      sender TEXT NOT NULL,
      forgotten INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (user_id, room_id)
    ) WITHOUT ROWID`,
    `CREATE INDEX memberships_by_room ON memberships (room_id, membership, user_id)`,
    `CREATE TABLE event_transactions (key BLOB PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID`,
    `CREATE INDEX event_transactions_by_age ON event_transactions (position)`,
    `CREATE TABLE relations (
      parent_id TEXT NOT NULL,
      position INTEGER NOT NULL,
      rel_type TEXT NOT NULL,
      type TEXT NOT NULL,
      sender TEXT NOT NULL,
      key TEXT,
      PRIMARY KEY (parent_id, position)
    ) WITHOUT ROWID`,
    `CREATE TABLE aliases (
      alias TEXT PRIMARY KEY,
      room_id TEXT NOT NULL,
      creator TEXT NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX aliases_by_room ON aliases (room_id, alias)`,
  ],
};

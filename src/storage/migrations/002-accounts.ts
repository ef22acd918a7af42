/** Accounts: users, devices, tokens, interactive authentication. Tokens are kept as SHA-256 only. */
export const accounts = {
  number: 2,
  name: 'accounts',
  statements: [
    `CREATE TABLE users (
      user_id TEXT PRIMARY KEY,
      password_hash TEXT,
      is_guest INTEGER NOT NULL DEFAULT 0,
      is_admin INTEGER NOT NULL DEFAULT 0,
      deactivated INTEGER NOT NULL DEFAULT 0,
      created_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE devices (
      user_id TEXT NOT NULL,
      device_id TEXT NOT NULL,
      display_name TEXT,
      last_seen_at INTEGER,
      last_seen_ip TEXT,
      user_agent TEXT,
      PRIMARY KEY (user_id, device_id)
    ) WITHOUT ROWID`,
    `CREATE TABLE access_tokens (
      hash BLOB PRIMARY KEY,
      user_id TEXT NOT NULL,
      device_id TEXT NOT NULL,
      expires_at INTEGER
    ) WITHOUT ROWID`,
    `CREATE INDEX access_tokens_by_device ON access_tokens (user_id, device_id)`,
    `CREATE TABLE refresh_tokens (
      hash BLOB PRIMARY KEY,
      user_id TEXT NOT NULL,
      device_id TEXT NOT NULL,
      replaced INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID`,
    `CREATE INDEX refresh_tokens_by_device ON refresh_tokens (user_id, device_id)`,
    `CREATE TABLE login_tokens (hash BLOB PRIMARY KEY, user_id TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID`,
    `CREATE TABLE registration_tokens (
      token TEXT PRIMARY KEY,
      uses_allowed INTEGER,
      completed INTEGER NOT NULL DEFAULT 0,
      expires_at INTEGER
    ) WITHOUT ROWID`,
    `CREATE TABLE interactive_sessions (
      id TEXT PRIMARY KEY,
      purpose TEXT NOT NULL,
      completed TEXT NOT NULL,
      params TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX interactive_sessions_by_age ON interactive_sessions (expires_at)`,
  ],
};

/** The user directory, OpenID tokens, reports, and accounts that are locked or suspended. */
export const moderation = {
  number: 10,
  name: 'moderation',
  statements: [
    `ALTER TABLE users ADD COLUMN locked INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE users ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0`,
    `CREATE TABLE user_directory_terms (
      term TEXT NOT NULL,
      user_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      PRIMARY KEY (term, user_id, kind)
    ) WITHOUT ROWID`,
    `CREATE INDEX user_directory_terms_by_user ON user_directory_terms (user_id, kind)`,
    `INSERT INTO user_directory_terms SELECT lower(substr(user_id, 2)), user_id, 'id'
      FROM users WHERE deactivated = 0 AND is_guest = 0`,
    `INSERT INTO user_directory_terms SELECT lower(substr(value, 2, length(value) - 2)), user_id, 'name'
      FROM profiles WHERE field = 'displayname' AND length(value) BETWEEN 3 AND 200`,
    `CREATE TABLE openid_tokens (
      hash BLOB PRIMARY KEY,
      user_id TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX openid_tokens_by_age ON openid_tokens (expires_at)`,
    `CREATE TABLE reports (
      id TEXT PRIMARY KEY,
      reporter TEXT NOT NULL,
      received_at INTEGER NOT NULL,
      room_id TEXT,
      event_id TEXT,
      user_id TEXT,
      reason TEXT NOT NULL,
      score INTEGER
    ) WITHOUT ROWID`,
    `CREATE INDEX reports_by_reporter ON reports (reporter, received_at, id)`,
    `CREATE INDEX reports_by_age ON reports (received_at, id)`,
  ],
};

/** Addresses and phone numbers of users, proofs of having one, where they are bound, and users who asked to be erased. */
export const threepids = {
  number: 8,
  name: 'threepids',
  statements: [
    `CREATE TABLE threepids (
      medium TEXT NOT NULL,
      address TEXT NOT NULL,
      user_id TEXT NOT NULL,
      validated_at INTEGER NOT NULL,
      added_at INTEGER NOT NULL,
      PRIMARY KEY (medium, address)
    ) WITHOUT ROWID`,
    `CREATE INDEX threepids_by_user ON threepids (user_id)`,
    `CREATE TABLE threepid_bindings (
      user_id TEXT NOT NULL,
      medium TEXT NOT NULL,
      address TEXT NOT NULL,
      id_server TEXT NOT NULL,
      PRIMARY KEY (user_id, medium, address, id_server)
    ) WITHOUT ROWID`,
    `CREATE TABLE threepid_sessions (
      sid TEXT PRIMARY KEY,
      purpose TEXT NOT NULL,
      medium TEXT NOT NULL,
      address TEXT NOT NULL,
      client_secret TEXT NOT NULL,
      send_attempt INTEGER NOT NULL,
      token_hash BLOB NOT NULL,
      next_link TEXT,
      tries INTEGER NOT NULL DEFAULT 0,
      validated_at INTEGER,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE UNIQUE INDEX threepid_sessions_by_secret
      ON threepid_sessions (purpose, medium, address, client_secret)`,
    `CREATE INDEX threepid_sessions_by_age ON threepid_sessions (expires_at)`,
    `CREATE TABLE terms_agreed (user_id TEXT PRIMARY KEY, agreed TEXT NOT NULL, agreed_at INTEGER NOT NULL) WITHOUT ROWID`,
    `CREATE TABLE erased_users (user_id TEXT PRIMARY KEY, erased_at INTEGER NOT NULL) WITHOUT ROWID`,
  ],
};

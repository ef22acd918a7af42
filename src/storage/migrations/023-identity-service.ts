/**
 * What the identity service keeps: tokens of its users and the terms they agreed to, associations with what they are looked
 * up by, invitations that wait, and what is to be told to homeservers.
 */
export const identityService = {
  number: 23,
  name: 'identity-service',
  statements: [
    `CREATE TABLE identity_tokens (
      hash BLOB PRIMARY KEY,
      user_id TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX identity_tokens_by_user ON identity_tokens (user_id, created_at)`,
    `CREATE TABLE identity_terms (
      user_id TEXT NOT NULL,
      url TEXT NOT NULL,
      agreed_at INTEGER NOT NULL,
      PRIMARY KEY (user_id, url)
    ) WITHOUT ROWID`,
    `CREATE TABLE identity_associations (
      medium TEXT NOT NULL,
      address TEXT NOT NULL,
      mxid TEXT NOT NULL,
      ts INTEGER NOT NULL,
      not_before INTEGER NOT NULL,
      not_after INTEGER NOT NULL,
      even_hash TEXT,
      odd_hash TEXT,
      PRIMARY KEY (medium, address)
    ) WITHOUT ROWID`,
    `CREATE INDEX identity_associations_by_even_hash ON identity_associations (even_hash)`,
    `CREATE INDEX identity_associations_by_odd_hash ON identity_associations (odd_hash)`,
    `CREATE TABLE identity_pepper (
      one INTEGER PRIMARY KEY,
      generation INTEGER NOT NULL,
      pepper TEXT NOT NULL,
      made_at INTEGER NOT NULL,
      next_pepper TEXT,
      next_medium TEXT,
      next_address TEXT
    )`,
    `CREATE TABLE identity_invites (
      token TEXT PRIMARY KEY,
      medium TEXT NOT NULL,
      address TEXT NOT NULL,
      room_id TEXT NOT NULL,
      sender TEXT NOT NULL,
      public_key TEXT NOT NULL,
      stored_at INTEGER NOT NULL,
      told_at INTEGER
    ) WITHOUT ROWID`,
    `CREATE UNIQUE INDEX identity_invites_by_key ON identity_invites (public_key)`,
    `CREATE INDEX identity_invites_waiting ON identity_invites (medium, address) WHERE told_at IS NULL`,
    `CREATE INDEX identity_invites_by_age ON identity_invites (stored_at)`,
    `CREATE TABLE identity_notices (
      id TEXT PRIMARY KEY,
      server TEXT NOT NULL,
      body TEXT NOT NULL,
      tries INTEGER NOT NULL DEFAULT 0,
      created_at INTEGER NOT NULL,
      next_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX identity_notices_due ON identity_notices (next_at)`,
  ],
};

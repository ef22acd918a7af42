/** The OAuth 2.0 API, people signed in with a browser, single sign-on, and meeting places for signing in by QR code. */
export const oauth = {
  number: 16,
  name: 'oauth',
  statements: [
    `ALTER TABLE access_tokens ADD COLUMN client_id TEXT`,
    `ALTER TABLE refresh_tokens ADD COLUMN client_id TEXT`,
    `CREATE INDEX refresh_tokens_by_client ON refresh_tokens (client_id) WHERE client_id IS NOT NULL`,
    `CREATE TABLE oauth_clients (
      client_id TEXT PRIMARY KEY,
      metadata TEXT NOT NULL,
      used_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX oauth_clients_by_age ON oauth_clients (used_at)`,
    `CREATE TABLE authorization_codes (
      hash BLOB PRIMARY KEY,
      client_id TEXT NOT NULL,
      user_id TEXT NOT NULL,
      device_id TEXT NOT NULL,
      scope TEXT NOT NULL,
      redirect_uri TEXT NOT NULL,
      code_challenge TEXT NOT NULL,
      redeemed INTEGER NOT NULL DEFAULT 0,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX authorization_codes_by_age ON authorization_codes (expires_at)`,
    `CREATE TABLE device_authorizations (
      hash BLOB PRIMARY KEY,
      user_code TEXT NOT NULL,
      client_id TEXT NOT NULL,
      device_id TEXT NOT NULL,
      scope TEXT NOT NULL,
      state TEXT NOT NULL,
      user_id TEXT,
      interval_ms INTEGER NOT NULL,
      polled_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE UNIQUE INDEX device_authorizations_by_code ON device_authorizations (user_code)`,
    `CREATE INDEX device_authorizations_by_age ON device_authorizations (expires_at)`,
    `CREATE TABLE browser_sessions (
      hash BLOB PRIMARY KEY,
      user_id TEXT NOT NULL,
      authenticated_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX browser_sessions_by_user ON browser_sessions (user_id)`,
    `CREATE INDEX browser_sessions_by_age ON browser_sessions (expires_at)`,
    `CREATE TABLE cross_signing_resets (user_id TEXT PRIMARY KEY, allowed_until INTEGER NOT NULL) WITHOUT ROWID`,
    `CREATE TABLE sso_identities (
      provider TEXT NOT NULL,
      subject TEXT NOT NULL,
      user_id TEXT NOT NULL,
      PRIMARY KEY (provider, subject)
    ) WITHOUT ROWID`,
    `CREATE INDEX sso_identities_by_user ON sso_identities (user_id)`,
    `CREATE TABLE sso_attempts (
      hash BLOB PRIMARY KEY,
      provider TEXT NOT NULL,
      browser BLOB NOT NULL,
      nonce TEXT NOT NULL,
      code_verifier TEXT NOT NULL,
      purpose TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX sso_attempts_by_age ON sso_attempts (expires_at)`,
    `CREATE TABLE rendezvous_sessions (
      id TEXT PRIMARY KEY,
      data BLOB NOT NULL,
      media_type TEXT NOT NULL,
      version TEXT NOT NULL,
      changed_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX rendezvous_sessions_by_age ON rendezvous_sessions (expires_at)`,
    `CREATE TABLE login_macaroons (
      hash BLOB PRIMARY KEY,
      txn_id TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX login_macaroons_by_age ON login_macaroons (expires_at)`,
  ],
};

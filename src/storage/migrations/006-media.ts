/** The content repository: who put what under which ID, the contents by their hash, thumbnails, space used. */
export const media = {
  number: 6,
  name: 'media',
  statements: [
    `CREATE TABLE media (
      origin TEXT NOT NULL,
      media_id TEXT NOT NULL,
      user_id TEXT,
      created_at INTEGER NOT NULL,
      uploaded_at INTEGER,
      expires_at INTEGER,
      hash TEXT,
      bytes INTEGER NOT NULL DEFAULT 0,
      content_type TEXT,
      file_name TEXT,
      PRIMARY KEY (origin, media_id)
    ) WITHOUT ROWID`,
    `CREATE INDEX media_by_expiry ON media (expires_at) WHERE expires_at IS NOT NULL`,
    `CREATE INDEX media_unfinished ON media (user_id, expires_at) WHERE hash IS NULL`,
    `CREATE INDEX media_by_hash ON media (hash) WHERE hash IS NOT NULL`,
    `CREATE INDEX media_by_user ON media (user_id, created_at) WHERE user_id IS NOT NULL`,
    `CREATE TABLE media_blobs (
      hash TEXT PRIMARY KEY,
      bytes INTEGER NOT NULL,
      used_at INTEGER NOT NULL,
      removing_at INTEGER
    ) WITHOUT ROWID`,
    `CREATE INDEX media_blobs_by_use ON media_blobs (used_at)`,
    `CREATE TABLE media_thumbnails (
      hash TEXT NOT NULL,
      variant TEXT NOT NULL,
      content_type TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      PRIMARY KEY (hash, variant)
    ) WITHOUT ROWID`,
    `CREATE TABLE media_usage (user_id TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID`,
  ],
};

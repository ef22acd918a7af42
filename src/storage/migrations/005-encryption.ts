/** End-to-end encryption: keys of devices and users, device lists, messages to devices, key backup. */
export const encryption = {
  number: 5,
  name: 'encryption',
  statements: [
    `CREATE TABLE device_keys (
      user_id TEXT NOT NULL,
      device_id TEXT NOT NULL,
      keys TEXT NOT NULL,
      PRIMARY KEY (user_id, device_id)
    ) WITHOUT ROWID`,
    `CREATE TABLE one_time_keys (
      user_id TEXT NOT NULL,
      device_id TEXT NOT NULL,
      algorithm TEXT NOT NULL,
      key_id TEXT NOT NULL,
      position INTEGER NOT NULL,
      key TEXT,
      PRIMARY KEY (user_id, device_id, algorithm, key_id)
    ) WITHOUT ROWID`,
    `CREATE INDEX one_time_keys_unclaimed ON one_time_keys (user_id, device_id, algorithm, position, key_id)
      WHERE key IS NOT NULL`,
    `CREATE TABLE fallback_keys (
      user_id TEXT NOT NULL,
      device_id TEXT NOT NULL,
      algorithm TEXT NOT NULL,
      key_id TEXT NOT NULL,
      key TEXT NOT NULL,
      used INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (user_id, device_id, algorithm)
    ) WITHOUT ROWID`,
    `CREATE TABLE cross_signing_keys (
      user_id TEXT NOT NULL,
      usage TEXT NOT NULL,
      key TEXT NOT NULL,
      PRIMARY KEY (user_id, usage)
    ) WITHOUT ROWID`,
    `CREATE TABLE key_signatures (
      user_id TEXT NOT NULL,
      key_id TEXT NOT NULL,
      signer TEXT NOT NULL,
      signer_key_id TEXT NOT NULL,
      signature TEXT NOT NULL,
      PRIMARY KEY (user_id, key_id, signer, signer_key_id)
    ) WITHOUT ROWID`,
    `CREATE TABLE device_list_changes (
      user_id TEXT NOT NULL,
      observer TEXT NOT NULL,
      position INTEGER NOT NULL,
      PRIMARY KEY (user_id, observer)
    ) WITHOUT ROWID`,
    `CREATE INDEX device_list_changes_by_position ON device_list_changes (position)`,
    `CREATE TABLE to_device (
      user_id TEXT NOT NULL,
      device_id TEXT NOT NULL,
      position INTEGER NOT NULL,
      message TEXT NOT NULL,
      PRIMARY KEY (user_id, device_id, position)
    ) WITHOUT ROWID`,
    `CREATE TABLE to_device_transactions (key BLOB PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID`,
    `CREATE INDEX to_device_transactions_by_age ON to_device_transactions (position)`,
    `CREATE TABLE backup_versions (
      user_id TEXT NOT NULL,
      version INTEGER NOT NULL,
      algorithm TEXT NOT NULL,
      auth_data TEXT NOT NULL,
      deleted INTEGER NOT NULL DEFAULT 0,
      etag INTEGER NOT NULL DEFAULT 0,
      count INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (user_id, version)
    ) WITHOUT ROWID`,
    `CREATE TABLE backup_keys (
      user_id TEXT NOT NULL,
      version INTEGER NOT NULL,
      room_id TEXT NOT NULL,
      session_id TEXT NOT NULL,
      first_message_index INTEGER NOT NULL,
      forwarded_count INTEGER NOT NULL,
      is_verified INTEGER NOT NULL,
      session_data TEXT NOT NULL,
      PRIMARY KEY (user_id, version, room_id, session_id)
    ) WITHOUT ROWID`,
    `CREATE TABLE dehydrated_devices (
      user_id TEXT PRIMARY KEY,
      device_id TEXT NOT NULL,
      device_data TEXT NOT NULL
    ) WITHOUT ROWID`,
  ],
};

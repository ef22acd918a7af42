/** Auth chains of rooms that forked, divided into chains: `rooms/auth-chains/`. */
export const authChains = {
  number: 27,
  name: 'auth-chains',
  statements: [
    `CREATE TABLE auth_chain_indexes (
      room_id TEXT PRIMARY KEY,
      up_to INTEGER NOT NULL,
      step INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE auth_places (
      event_id TEXT PRIMARY KEY,
      chain BLOB NOT NULL,
      seq INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE UNIQUE INDEX auth_places_by_chain ON auth_places (chain, seq)`,
    `CREATE TABLE auth_links (
      chain BLOB NOT NULL,
      target_chain BLOB NOT NULL,
      seq INTEGER NOT NULL,
      target_seq INTEGER NOT NULL,
      PRIMARY KEY (chain, target_chain, seq)
    ) WITHOUT ROWID`,
    `CREATE INDEX auth_links_by_target ON auth_links (target_chain, target_seq)`,
  ],
};

/** How far application services have been told, what each is being told, and the rooms of their networks' directories. */
export const applicationServices = {
  number: 19,
  name: 'application-services',
  statements: [
    `CREATE TABLE appservice_queues (
      id TEXT PRIMARY KEY,
      position INTEGER NOT NULL,
      transaction_id TEXT,
      transaction_body TEXT,
      transaction_upto INTEGER,
      owner TEXT,
      leased_until INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID`,
    `CREATE TABLE network_rooms (
      appservice_id TEXT NOT NULL,
      network_id TEXT NOT NULL,
      room_id TEXT NOT NULL,
      PRIMARY KEY (appservice_id, network_id, room_id)
    ) WITHOUT ROWID`,
  ],
};

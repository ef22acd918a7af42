/** Rooms that are shared with other servers: events beside the timeline, forks, history that is not here yet. */
export const federatedRooms = {
  number: 18,
  name: 'federated-rooms',
  statements: [
    `ALTER TABLE events ADD COLUMN auth_depth INTEGER`,
    `ALTER TABLE events ADD COLUMN room_root BLOB`,
    `ALTER TABLE events ADD COLUMN refused TEXT`,
    `CREATE INDEX events_by_auth_depth ON events (room_id, auth_depth) WHERE auth_depth IS NOT NULL`,
    `CREATE TABLE history_gaps (
      room_id TEXT NOT NULL,
      event_id TEXT NOT NULL,
      depth INTEGER NOT NULL,
      PRIMARY KEY (room_id, event_id)
    ) WITHOUT ROWID`,
    `CREATE TABLE awaited_redactions (
      target_id TEXT NOT NULL,
      redaction_id TEXT NOT NULL,
      PRIMARY KEY (target_id, redaction_id)
    ) WITHOUT ROWID`,
    `CREATE TABLE stripped_states (
      user_id TEXT NOT NULL,
      room_id TEXT NOT NULL,
      state TEXT NOT NULL,
      PRIMARY KEY (user_id, room_id)
    ) WITHOUT ROWID`,
  ],
};

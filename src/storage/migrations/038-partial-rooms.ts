/** Rooms that were joined by way of another server before their whole state was here. */
export const partialRooms = {
  number: 38,
  name: 'partial-rooms',
  statements: [
    `CREATE TABLE partial_rooms (
      room_id TEXT PRIMARY KEY,
      join_event_id TEXT NOT NULL,
      servers TEXT NOT NULL,
      before_root BLOB NOT NULL,
      join_root BLOB NOT NULL,
      completed_at INTEGER
    ) WITHOUT ROWID`,
  ],
};

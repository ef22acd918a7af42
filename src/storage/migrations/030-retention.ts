/** Up to where the messages of rooms have been removed because of their age. */
export const retention = {
  number: 30,
  name: 'retention',
  statements: [
    `CREATE TABLE retention_progress (
      room_id TEXT PRIMARY KEY,
      position INTEGER NOT NULL
    )`,
    `CREATE INDEX current_state_retention ON current_state (room_id) WHERE type = 'm.room.retention'`,
  ],
};

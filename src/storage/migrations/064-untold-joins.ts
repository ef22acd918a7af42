/** Joins of this server's users of which the other servers in the room have not been told whose devices come with them. */
export const untoldJoins = {
  number: 64,
  name: 'untold-joins',
  statements: [
    `CREATE TABLE untold_joins (
      user_id TEXT NOT NULL,
      room_id TEXT NOT NULL,
      PRIMARY KEY (user_id, room_id)
    ) WITHOUT ROWID`,
  ],
};

/** The rooms in which the server tells its users something. */
export const serverNotices = {
  number: 13,
  name: 'server-notices',
  statements: [
    `CREATE TABLE server_notice_rooms (
      user_id TEXT PRIMARY KEY,
      room_id TEXT NOT NULL
    ) WITHOUT ROWID`,
  ],
};

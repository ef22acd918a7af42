/** Whose database it is: a server's name and key are what others know it by, and must not change without anybody's noticing. */
export const serverIdentity = {
  number: 73,
  name: 'server-identity',
  statements: [
    `CREATE TABLE server_identity (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      server_name TEXT NOT NULL,
      key_id TEXT NOT NULL,
      public_key TEXT NOT NULL
    )`,
  ],
};

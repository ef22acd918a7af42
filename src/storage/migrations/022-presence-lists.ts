/** Presence lists: whose presence a user follows, or asks to. Kept by the servers of both. */
export const presenceLists = {
  number: 22,
  name: 'presence-lists',
  statements: [
    `CREATE TABLE presence_lists (
      observer TEXT NOT NULL,
      observed TEXT NOT NULL,
      observer_server TEXT NOT NULL,
      accepted INTEGER NOT NULL,
      PRIMARY KEY (observer, observed)
    ) WITHOUT ROWID`,
    `CREATE INDEX presence_lists_by_observed ON presence_lists (observed, observer_server)`,
  ],
};

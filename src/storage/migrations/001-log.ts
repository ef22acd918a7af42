/** The log's position: one row, whose lock orders commits. */
export const log = {
  number: 1,
  name: 'log',
  statements: [
    `CREATE TABLE stream (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL)`,
    `INSERT INTO stream (id, position) VALUES (1, 0)`,
  ],
};

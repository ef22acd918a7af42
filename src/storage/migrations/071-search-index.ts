/**
 * SQLite's own full-text index in place of a row for each term of each message. What is there is indexed anew, in the
 * background.
 */
export const searchIndex = {
  number: 71,
  name: 'search-index',
  engine: 'sqlite',
  statements: [
    `DROP TABLE search_terms`,
    `DROP TABLE search_documents`,
    `CREATE VIRTUAL TABLE search_index USING fts5
      (keys, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii')`,
    `UPDATE search_progress SET position = 0`,
  ],
} as const;

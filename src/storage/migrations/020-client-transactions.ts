/** What requests with a transaction ID were answered, so that the same request again changes nothing. */
export const clientTransactions = {
  number: 20,
  name: 'client-transactions',
  statements: [
    `CREATE TABLE client_transactions (
      key BLOB PRIMARY KEY,
      answer TEXT NOT NULL,
      answered_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX client_transactions_by_age ON client_transactions (answered_at)`,
  ],
};

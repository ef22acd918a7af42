/** What a client said of a receipt beside where it is, as JSON. */
export const receiptExtra = {
  number: 82,
  name: 'receipt-extra',
  statements: [`ALTER TABLE receipts ADD COLUMN extra TEXT`],
};

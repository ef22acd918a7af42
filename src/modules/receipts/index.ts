export { Receipts, type ReadPositions } from './receipts.ts';
export { exchangeReceipts } from './receipt-edus.ts';

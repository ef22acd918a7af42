export { Receipts, type ReadPositions } from './receipts.ts';
export { exchangeReceipts } from './receipt-edus.ts';
export { extraOf } from './receipt-extra.ts';

export { Receipts, type ReadPositions } from './receipts.ts';

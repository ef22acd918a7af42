export { Reports } from './reports.ts';

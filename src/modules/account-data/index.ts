export { AccountData } from './account-data.ts';

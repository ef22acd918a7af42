export { Filters } from './filters.ts';

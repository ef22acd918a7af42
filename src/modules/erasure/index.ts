export { Erasure } from './erasure.ts';

export { Typing } from './typing.ts';

export { DelayedEvents } from './delayed-events.ts';

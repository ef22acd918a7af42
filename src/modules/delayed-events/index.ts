export { DelayedEventLists, type DelayedPage, type Status } from './delayed-event-lists.ts';
export { DelayedEvents } from './delayed-events.ts';

export { PushEvents } from './push-events.ts';
export { PushRules } from './push-rules.ts';
export { Pushers } from './pushers.ts';
export { UnreadCounts } from './unread-counts.ts';

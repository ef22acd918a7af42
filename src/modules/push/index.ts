export { PushRules } from './push-rules.ts';
export { UnreadCounts } from './unread-counts.ts';

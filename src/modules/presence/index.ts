export type { PresenceState } from './attendance.ts';
export { Presence } from './presence.ts';
export { exchangePresence } from './presence-edus.ts';
export { PresenceLists, type PresenceListChanges } from './presence-lists.ts';

export { Presence, type PresenceState } from './presence.ts';

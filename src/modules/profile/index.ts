export { Profile } from './profile.ts';
export { ProfileUpdates } from './profile-updates.ts';

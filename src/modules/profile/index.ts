export { Profile } from './profile.ts';

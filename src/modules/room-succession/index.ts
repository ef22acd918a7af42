export { RoomSuccession } from './room-succession.ts';

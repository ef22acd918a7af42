export { MutualRooms, type SharedRooms } from './mutual-rooms.ts';

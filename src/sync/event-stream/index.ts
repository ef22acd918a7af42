export { EventStream, withRoomId, type StreamChunk, type StreamOptions } from './event-stream.ts';
export {
  RoomSnapshots,
  type AccountSnapshot,
  type MessagePage,
  type RoomSnapshot,
} from './room-snapshots.ts';

import {
  getRelatingEvents,
  getRelatingEventsWithRelType,
  getRelatingEventsWithRelTypeAndEventType,
} from './discovery/relations.ts';
import { getRoomSummary, getUnstableRoomSummary } from './discovery/room-summary.ts';
import { getSpaceHierarchy } from './discovery/space-hierarchy.ts';
import { getThreadRoots } from './discovery/threads.ts';
import { getEventByTimestamp } from './discovery/timestamp-to-event.ts';

/** Endpoints that find events and rooms: relations, threads, search, spaces. */
export const discoveryEndpoints = [
  getEventByTimestamp,
  getRelatingEvents,
  getRelatingEventsWithRelType,
  getRelatingEventsWithRelTypeAndEventType,
  getRoomSummary,
  getSpaceHierarchy,
  getThreadRoots,
  getUnstableRoomSummary,
] as const;

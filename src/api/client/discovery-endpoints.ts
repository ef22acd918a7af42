import {
  getRelatingEvents,
  getRelatingEventsWithRelType,
  getRelatingEventsWithRelTypeAndEventType,
} from './discovery/relations.ts';
import { getThreadRoots } from './discovery/threads.ts';

/** Endpoints that find events and rooms: relations, threads, search, spaces. */
export const discoveryEndpoints = [
  getRelatingEvents,
  getRelatingEventsWithRelType,
  getRelatingEventsWithRelTypeAndEventType,
  getThreadRoots,
] as const;

import type { EventId } from '../protocol/identifiers.ts';
import { isJsonObject } from '../protocol/json.ts';
import type { LoggedEvent, RoomReads } from './room-reads.ts';

/** Events that belong to no thread, as if they were one. */
export const MAIN = 'main';

/** Relations that are followed to find an event's thread. */
const MOST_HOPS = 3;

/**
 * The thread an event is in: `main`, or the ID of the event that begins it, which is in `main` itself (Client-Server API,
 * "Threaded read receipts").
 */
export async function threadOf(rooms: RoomReads, event: LoggedEvent): Promise<string> {
  let relation = relationOf(event);
  for (let hops = 0; relation; hops++) {
    if (relation.relType === 'm.thread') return relation.eventId;
    if (hops === MOST_HOPS) break;
    const parent = await rooms.event(relation.eventId);
    relation = parent?.roomId === event.roomId ? relationOf(parent) : undefined;
  }
  return MAIN;
}

function relationOf(event: LoggedEvent): { relType: string; eventId: EventId } | undefined {
  const relates = event.content['m.relates_to'];
  if (!isJsonObject(relates)) return undefined;
  const { rel_type: relType, event_id: eventId } = relates;
  if (typeof relType !== 'string' || typeof eventId !== 'string') return undefined;
  return { relType, eventId: eventId as EventId };
}

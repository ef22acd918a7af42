import type { EventId } from '../../protocol/identifiers.ts';
import { isJsonObject } from '../../protocol/json.ts';
import type { LoggedEvent, RoomReads } from '../reading/room-reads.ts';

/** Events that belong to no thread, as if they were one. */
export const MAIN = 'main';

/** Relations that are followed to find an event's thread. */
const MOST_HOPS = 3;

/**
 * The thread an event is in: `main`, or the ID of the event that begins it, which is in `main` itself (Client-Server API,
 * "Threaded read receipts").
 */
export async function threadOf(rooms: RoomReads, event: LoggedEvent): Promise<string> {
  for await (const { relType, eventId } of relationsFrom(rooms, event)) {
    if (relType === 'm.thread') return eventId;
  }
  return MAIN;
}

/** Whether an event relates to another. One that does not is in `main`. */
export function isRelated(event: LoggedEvent): boolean {
  return relationOf(event) !== undefined;
}

/** Whether an event relates to another, or to one that does, in whatever way. */
export async function isRelatedTo(rooms: RoomReads, event: LoggedEvent, other: string): Promise<boolean> {
  for await (const { eventId } of relationsFrom(rooms, event)) if (eventId === other) return true;
  return false;
}

/** The relation of an event, that of the event it relates to, and so on, as far as they are followed. */
async function* relationsFrom(rooms: RoomReads, event: LoggedEvent): AsyncGenerator<Relation> {
  let relation = relationOf(event);
  for (let hops = 0; relation; hops++) {
    yield relation;
    if (hops === MOST_HOPS) return;
    const parent = await rooms.event(relation.eventId);
    relation = parent?.roomId === event.roomId ? relationOf(parent) : undefined;
  }
}

interface Relation {
  readonly relType: string;
  readonly eventId: EventId;
}

function relationOf(event: LoggedEvent): Relation | undefined {
  const relates = event.content['m.relates_to'];
  if (!isJsonObject(relates)) return undefined;
  const { rel_type: relType, event_id: eventId } = relates;
  if (typeof relType !== 'string' || typeof eventId !== 'string') return undefined;
  return { relType, eventId: eventId as EventId };
}

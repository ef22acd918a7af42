import type { EventId } from '../protocol/identifiers.ts';
import type { LoggedEvent, RoomReads } from '../rooms/reading/room-reads.ts';

/** Events that are looked past, back from the newest. */
const MOST_STEPS = 1_000;

/**
 * Whether a user was joined to a room at a position of the log, or at some time from then up to another. Who changed their
 * membership of it, or their name there, more than 1,000 times since counts as not joined.
 *
 * @param eventId the user's newest membership event in the room.
 */
export async function wasJoined(
  rooms: Pick<RoomReads, 'event'>,
  eventId: EventId,
  { after, upTo }: { after: number; upTo: number },
): Promise<boolean> {
  let event: LoggedEvent | undefined = await rooms.event(eventId);
  for (let step = 0; event && step < MOST_STEPS; step++) {
    if (event.position <= upTo && event.content.membership === 'join') return true;
    if (event.position <= after || event.replaces === undefined) return false;
    event = await rooms.event(event.replaces);
  }
  return false;
}

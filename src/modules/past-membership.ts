import type { EventId } from '../protocol/identifiers.ts';
import type { LoggedEvent, RoomReads } from '../rooms/reading/room-reads.ts';

/** Events that are looked at of one user, unless there is a budget for all who are asked about. */
const MOST_EVENTS = 1_000;

/** How many events may be looked at still. */
export interface EventBudget {
  left: number;
}

/**
 * Whether a user was joined to a room at a position of the log, or at some time from then up to another. Their membership
 * events are looked at back from the newest, a query each at most; where the budget is at its end, they count as not joined.
 *
 * @param eventId the user's newest membership event in the room.
 */
export async function wasJoined(
  rooms: Pick<RoomReads, 'event'>,
  eventId: EventId,
  { after, upTo }: { after: number; upTo: number },
  budget: EventBudget = { left: MOST_EVENTS },
): Promise<boolean> {
  for (let next: EventId | undefined = eventId; next !== undefined && budget.left > 0;) {
    budget.left -= 1;
    const event: LoggedEvent | undefined = await rooms.event(next);
    if (!event) return false;
    if (event.position <= upTo && event.content.membership === 'join') return true;
    next = event.position <= after ? undefined : event.replaces;
  }
  return false;
}

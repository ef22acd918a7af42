import type { EventId } from '../../protocol/identifiers.ts';
import type { RoomTransaction } from './room-transaction.ts';

/** Refused events that are gone through for one event: other servers make as many as they like. */
const MOST_REFUSED = 20;

/**
 * What ends of the room an event takes the place of, among others: what it follows, and what the refused ones of these follow
 * in turn. The state before the event holds what came of them all. Past twenty refused events ends are left beside it.
 */
export async function followedBy(
  room: RoomTransaction,
  prevEventIds: readonly EventId[],
): Promise<readonly EventId[]> {
  const { extremities } = room.point;
  if (extremities.every((id) => prevEventIds.includes(id))) return prevEventIds;
  const followed = new Set(prevEventIds);
  let seen = 0;
  for (let wanted = [...followed]; wanted.length > 0;) {
    const refused = [...(await room.eventsOf(wanted)).values()].filter((one) => one.refused !== undefined);
    const through = refused.slice(0, MOST_REFUSED - seen);
    seen += through.length;
    wanted = [...new Set(through.flatMap((event) => event.prevEventIds))].filter((id) => !followed.has(id));
    for (const id of wanted) followed.add(id);
  }
  return [...followed];
}

import type { LoggedEvent, RoomMembership, RoomReads } from '../../rooms/reading/room-reads.ts';

/** Changes of name or picture that are looked past, back to the joining itself. */
const MOST_STEPS = 1_000;

/**
 * Position at which a user who is joined to a room joined it, at least 0: changes of name or picture are no joining, and
 * history that is fetched later was never news. 0, too, where there are more such changes than are looked past.
 */
export async function joinedSince(
  rooms: RoomReads,
  membership: Pick<RoomMembership, 'position' | 'eventId'>,
): Promise<number> {
  let { position } = membership;
  let event: LoggedEvent | undefined = await rooms.event(membership.eventId);
  for (let step = 0; event?.replaces !== undefined; step++) {
    if (step === MOST_STEPS) return 0;
    event = await rooms.event(event.replaces);
    if (event?.content.membership !== 'join') break;
    position = event.position;
  }
  return Math.max(position, 0);
}

import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';
import type { EventLog } from '../events/event-log.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { RoomAccess } from './visibility.ts';

/** A stretch of the log: what comes after one position, up to another. */
export interface Stretch {
  readonly after: number;
  readonly upTo: number;
}

/** Events of one key of the state that are looked at, the newest first. */
const MOST_STEPS = 100;

/**
 * Where in a part of the log of a room a user may see events, from the oldest stretch on. For who left the room it is what
 * came until then, and later the times in which it could be read from outside, or in which they were invited and that was
 * enough, and their own membership events: not all that lies between, of which they may see nothing. Of what changed more than
 * 100 times since they left only the last 100 times count.
 */
export async function visibleStretches(log: EventLog, access: RoomAccess, part: Stretch): Promise<Stretch[]> {
  const { roomId, userId, membership, joinedUntil } = access;
  if (membership === 'join' || joinedUntil === -Infinity || part.upTo <= joinedUntil) return joined([part]);
  const changed = await log.state(roomId, 'm.room.history_visibility', '');
  const visibilities = await timesSince(log, changed, joinedUntil);
  const moved = await log.state(roomId, 'm.room.member', userId);
  const memberships = await timesSince(log, moved, joinedUntil);
  const isOpenTo = (visibility: string) => (time: Time) =>
    time.event.content.history_visibility === visibility;
  const invites = memberships.filter(({ event }) => event.content.membership === 'invite');
  const stretches = [
    { after: BEFORE_HISTORY, upTo: joinedUntil },
    ...visibilities.filter(isOpenTo('world_readable')),
    ...visibilities
      .filter(isOpenTo('invited'))
      .flatMap((time) => invites.map((invite) => both(time, invite))),
    ...memberships.map(({ after }) => ({ after, upTo: after + 1 })),
  ];
  return joined(stretches.map((stretch) => both(stretch, part)));
}

/** How long an event was what the state said: from itself to what took its place, both included. */
interface Time extends Stretch {
  readonly event: StoredEvent;
}

/** An entry of the state and those that it replaced, as far as they held after a position. */
async function timesSince(log: EventLog, newest: StoredEvent | undefined, since: number): Promise<Time[]> {
  const times: Time[] = [];
  let event = newest;
  let upTo = Infinity;
  for (let step = 0; event && upTo > since && step < MOST_STEPS; step++) {
    times.push({ event, after: Math.max(event.position - 1, since), upTo });
    upTo = event.position;
    event = event.replaces === undefined ? undefined : await log.byId(event.replaces);
  }
  return times;
}

function both(one: Stretch, other: Stretch): Stretch {
  return { after: Math.max(one.after, other.after), upTo: Math.min(one.upTo, other.upTo) };
}

/** The stretches in order; those that touch are one. */
function joined(stretches: readonly Stretch[]): Stretch[] {
  const ordered: Stretch[] = [];
  for (const one of stretches.toSorted((a, b) => a.after - b.after)) {
    const last = ordered.at(-1);
    if (one.after >= one.upTo) continue;
    if (last && one.after <= last.upTo) {
      ordered[ordered.length - 1] = { after: last.after, upTo: Math.max(last.upTo, one.upTo) };
    } else ordered.push(one);
  }
  return ordered;
}

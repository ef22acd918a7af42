import { inTurns } from '../../platform/list-parts.ts';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import { createEventIdOf } from '../../protocol/state-resolution/iterative-auth.ts';
import { PriorityQueue } from '../../protocol/state-resolution/priority-queue.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';

/** Events that are read in one step. */
const AT_ONCE = 500;
/** Rejected events that are gone through for one answer. */
const MOST_REJECTED = 500;

/** Finds events. */
interface Events {
  byIds(eventIds: readonly EventId[]): Promise<StoredEvent[]>;
}

/**
 * Everything that authorises the events, directly and indirectly, without the events themselves unless it is so. From room
 * version 12 on events do not name m.room.create, but the room's ID implies it: it belongs to the chain all the same.
 */
export async function authChainOf(
  log: Events,
  version: RoomVersion,
  events: readonly StoredEvent[],
): Promise<StoredEvent[]> {
  return withAuthChain(log, new Set(events.flatMap((event) => authorisersOf(version, event))));
}

/** What authorises events of which there may be many: some are read at a time, between which others have their turn. */
export async function authorisersOfMany(
  log: Events,
  version: RoomVersion,
  ids: readonly EventId[],
): Promise<Set<EventId>> {
  const authorisers = new Set<EventId>();
  for await (const part of inTurns(ids, AT_ONCE)) {
    for (const event of await log.byIds(part)) {
      for (const id of authorisersOf(version, event)) authorisers.add(id);
    }
  }
  return authorisers;
}

/** Events, and everything that authorises them, directly and indirectly. */
export async function withAuthChain(log: Events, ids: ReadonlySet<EventId>): Promise<StoredEvent[]> {
  const chain = new Map<EventId, StoredEvent>();
  const seen = new Set<EventId>();
  let wanted = ids;
  while (wanted.size > 0) {
    for (const id of wanted) seen.add(id);
    const found = await log.byIds([...wanted]);
    const next = new Set<EventId>();
    for (const event of found) {
      chain.set(event.eventId, event);
      for (const id of event.authEventIds) if (!seen.has(id)) next.add(id);
    }
    wanted = next;
  }
  return [...chain.values()];
}

/** What an event names as authorising it, and what its room's ID implies. */
export function authorisersOf(version: RoomVersion, event: StoredEvent): readonly EventId[] {
  const isImplied = version.roomIdIsCreateHash && event.type !== 'm.room.create';
  return isImplied ? [...event.authEventIds, createEventIdOf(event)] : event.authEventIds;
}

/**
 * Events and those that they follow, the deepest first, at most `limit`. Rejected ones are left out, though not what they
 * follow, which may be an end of the room no longer; past five hundred of them nothing is followed through them. Events of
 * other rooms are left out with what they follow; nothing is followed below `minDepth` or through the events of `without`.
 */
export async function eventsBefore(
  log: Events,
  roomId: RoomId,
  from: readonly EventId[],
  range: { limit: number; without: ReadonlySet<EventId>; minDepth: number },
): Promise<StoredEvent[]> {
  const found: StoredEvent[] = [];
  const seen = new Set<EventId>(range.without);
  const queue = new PriorityQueue<StoredEvent>((a, b) => a.depth > b.depth);
  const reach = async (ids: readonly EventId[]) => {
    const fresh = [...new Set(ids)].filter((id) => !seen.has(id));
    for (const id of fresh) seen.add(id);
    for (const event of fresh.length === 0 ? [] : await log.byIds(fresh)) {
      if (event.roomId === roomId && event.depth >= range.minDepth) queue.push(event);
    }
  };
  await reach(from);
  let rejected = 0;
  for (let next = queue.pop(); next && found.length < range.limit; next = queue.pop()) {
    if (next.refused !== 'rejected') found.push(next);
    else if (++rejected > MOST_REJECTED) continue;
    await reach(next.prevEventIds);
  }
  return found;
}

import type { EventId } from '../identifiers.ts';
import type { StateConflicts } from './conflicts.ts';
import type { AuthDepths, EventSource } from './event-source.ts';
import { PriorityQueue } from './priority-queue.ts';

/**
 * The auth difference of state sets: events in the full auth chain of some set but not of every set (Room Versions 2
 * and 12, "Definitions").
 *
 * Events are visited by falling auth depth, so all that cite an event come before it and what is known of it when its
 * turn comes is final. The first walk starts below the conflicting events and notes for each event which sets
 * reach it; it ends when every event still waiting is reached from all sets, since then so is all below. What is left
 * may also be reached from the state that all sets share: the second walk starts at those shared events that are
 * deeper than the shallowest event left, and ends there. So the time grows with the conflict and with how far back it
 * reaches, not with the auth chain; shared state is looked at only if something is left of the first walk.
 */
export function authDifference(
  conflicts: StateConflicts,
  source: EventSource,
  depths: AuthDepths,
): Set<EventId> {
  const partial = reachedFromSomeSets(conflicts, source, depths);
  if (partial.size > 0) removeReachable(partial, conflicts.unconflicted, source, depths);
  return partial;
}

/** An event waiting for its turn. */
interface Waiting {
  readonly id: EventId;
  readonly depth: number;
}

function deepestFirst(): PriorityQueue<Waiting> {
  return new PriorityQueue((a, b) => a.depth > b.depth);
}

/** Events that the conflicting events of some sets reach, but not those of all sets. */
function reachedFromSomeSets(
  { conflicted }: StateConflicts,
  source: EventSource,
  depths: AuthDepths,
): Set<EventId> {
  const everySet = (1n << BigInt(setCount(conflicted))) - 1n;
  const reachedBy = new Map<EventId, bigint>();
  const queue = deepestFirst();
  let incomplete = 0;
  const reach = (id: EventId, sets: bigint): void => {
    const before = reachedBy.get(id);
    if (before === undefined) queue.push({ id, depth: depths.of(id) });
    const after = (before ?? 0n) | sets;
    if (after === before) return;
    reachedBy.set(id, after);
    const wasIncomplete = before !== undefined && before !== everySet;
    incomplete += Number(after !== everySet) - Number(wasIncomplete);
  };
  for (const [id, sets] of setsByEvent(conflicted)) {
    for (const auth of source.event(id)?.authEventIds ?? []) reach(auth, sets);
  }
  const partial = new Set<EventId>();
  for (let next = queue.pop(); next && incomplete > 0; next = queue.pop()) {
    const { id } = next;
    const sets = reachedBy.get(id) ?? 0n;
    if (sets !== everySet) {
      incomplete--;
      partial.add(id);
    }
    for (const auth of source.event(id)?.authEventIds ?? []) reach(auth, sets);
  }
  return partial;
}

function setCount(conflicted: StateConflicts['conflicted']): number {
  for (const candidates of conflicted.values()) return candidates.length;
  return 0;
}

/** For each conflicting event a bit mask of the state sets that hold it. */
function setsByEvent(conflicted: StateConflicts['conflicted']): Map<EventId, bigint> {
  const masks = new Map<EventId, bigint>();
  for (const candidates of conflicted.values()) {
    for (const [i, id] of candidates.entries()) {
      if (id !== undefined) masks.set(id, (masks.get(id) ?? 0n) | (1n << BigInt(i)));
    }
  }
  return masks;
}

/** Removes from `found` everything in the auth chains of the shared state. */
function removeReachable(
  found: Set<EventId>,
  shared: StateConflicts['unconflicted'],
  source: EventSource,
  depths: AuthDepths,
): void {
  let shallowest = Infinity;
  for (const id of found) shallowest = Math.min(shallowest, depths.of(id));
  const seen = new Set<EventId>();
  const queue = deepestFirst();
  const reach = (id: EventId): void => {
    found.delete(id);
    if (seen.has(id)) return;
    seen.add(id);
    const depth = depths.of(id);
    if (depth > shallowest) queue.push({ id, depth });
  };
  const reachAuthEvents = (id: EventId): void => {
    for (const auth of source.event(id)?.authEventIds ?? []) reach(auth);
  };
  for (const id of shared.values(shallowest)) if (depths.of(id) > shallowest) reachAuthEvents(id);
  for (let next = queue.pop(); next && found.size > 0; next = queue.pop()) reachAuthEvents(next.id);
}

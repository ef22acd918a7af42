import type { EventId } from '../identifiers.ts';
import type { AuthDepths, EventSource } from './event-source.ts';

/**
 * The conflicted state subgraph (Room Version 12, "Definitions"): every event on a path along auth events from one event
 * of the conflicted state set to another, both ends included.
 *
 * Nothing at or above the auth depth of the shallowest conflicting event is passed, as no path goes on from there; so
 * the time grows with how far the conflict spans.
 */
export function conflictedSubgraph(
  conflictedStateSet: ReadonlySet<EventId>,
  source: EventSource,
  depths: AuthDepths,
): Set<EventId> {
  return eventsBetween(conflictedStateSet, conflictedStateSet, source, depths);
}

/**
 * Every event on a path along auth events from one of `ends` to another, both included. `stops` are those of the ends
 * to which a path may lead through events that are no ends; to the other ends paths are direct.
 */
export function eventsBetween(
  ends: ReadonlySet<EventId>,
  stops: ReadonlySet<EventId>,
  source: EventSource,
  depths: AuthDepths,
): Set<EventId> {
  let floor = Infinity;
  for (const id of stops) floor = Math.min(floor, depths.of(id));
  const reached = new Set<EventId>(ends);
  // A set hands out what is added to it while it is being walked.
  for (const id of reached) {
    if (!ends.has(id) && depths.of(id) <= floor) continue;
    for (const auth of source.event(id)?.authEventIds ?? []) reached.add(auth);
  }
  return leadingTo(ends, reached, source, depths);
}

/** Those of `reached` from which a path leads to one of `ends`: deeper events come last, so one pass is enough. */
function leadingTo(
  ends: ReadonlySet<EventId>,
  reached: ReadonlySet<EventId>,
  source: EventSource,
  depths: AuthDepths,
): Set<EventId> {
  const leading = new Set<EventId>(ends);
  const shallowestFirst = [...reached].sort((a, b) => depths.of(a) - depths.of(b));
  for (const id of shallowestFirst) {
    if (source.event(id)?.authEventIds.some((auth) => leading.has(auth))) leading.add(id);
  }
  return leading;
}

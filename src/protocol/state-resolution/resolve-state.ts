import type { StateKey, StateMap } from '../events/event.ts';
import type { EventId } from '../identifiers.ts';
import type { RoomVersion } from '../room-versions.ts';
import { findConflicts, type StateConflicts } from './conflicts.ts';
import type { EventSource } from './event-source.ts';
import { resolveV1 } from './resolve-v1.ts';
import { resolveV2 } from './resolve-v2.ts';

/**
 * The resolution of state sets by the algorithm of the room version (Room Versions, "State resolution"). The order of the
 * sets does not matter. No sets resolve to empty state.
 *
 * @param source must know the events in conflict, what they cite on the way to their common ancestors and, if the
 *   conflict reaches further back than these, the deeper part of the shared state; see `authDifference`.
 */
export function resolveState(
  version: RoomVersion,
  stateSets: readonly StateMap[],
  source: EventSource,
): Map<StateKey, EventId> {
  const conflicts = findConflicts(stateSets, version.stateResolution !== 'v1');
  const resolved = conflicts.unconflicted;
  for (const [key, id] of resolveConflicts(version, conflicts, source)) resolved.set(key, id);
  return resolved;
}

/**
 * The same where the conflicts are already known, as when states are compared by a shared structure: its cost then does
 * not depend on the size of the state. Returns the resolved entries beside the unconflicted state. In version 1
 * (only there) a key that some sets lack is not in conflict.
 */
export function resolveConflicts(
  version: RoomVersion,
  conflicts: StateConflicts,
  source: EventSource,
): Map<StateKey, EventId> {
  if (conflicts.conflicted.size === 0) return new Map();
  return version.stateResolution === 'v1'
    ? resolveV1(version, conflicts, source)
    : resolveV2(version, conflicts, source);
}

import type { StateKey, StateMap } from '../events/event.ts';
import type { EventId } from '../identifiers.ts';

/** State on which all state sets agree. A `Map` is one; so may be a view of a larger structure. */
export interface UnconflictedState {
  get(key: StateKey): EventId | undefined;
  /** The events of it; those whose auth depth is not greater than the given one may be left out. */
  values(deeperThan: number): Iterable<EventId>;
}

/** State sets divided into what they agree and what they disagree on. */
export interface StateConflicts {
  readonly unconflicted: UnconflictedState;
  /** For each key in conflict its event in each state set, in the order of the sets; undefined where a set has none. */
  readonly conflicted: ReadonlyMap<StateKey, readonly (EventId | undefined)[]>;
  /** The auth difference of the state sets, where it is known by other means than `authDifference`. */
  readonly authDifference?: ReadonlySet<EventId> | undefined;
}

/**
 * Divides state sets into the unconflicted state map and the conflicted state set (Room Versions, "State resolution",
 * "Definitions"). From version 2 on a key that some set lacks is in conflict; in version 1 it is not.
 */
export function findConflicts(
  stateSets: readonly StateMap[],
  absenceConflicts: boolean,
): { unconflicted: Map<StateKey, EventId>; conflicted: Map<StateKey, (EventId | undefined)[]> } {
  const unconflicted = new Map<StateKey, EventId>();
  const conflicted = new Map<StateKey, (EventId | undefined)[]>();
  for (const stateSet of stateSets) {
    for (const [key, eventId] of stateSet) {
      if (unconflicted.has(key) || conflicted.has(key)) continue;
      if (agreeOn(key, eventId, stateSets, absenceConflicts)) unconflicted.set(key, eventId);
      else
        conflicted.set(
          key,
          stateSets.map((set) => set.get(key)),
        );
    }
  }
  return { unconflicted, conflicted };
}

function agreeOn(
  key: StateKey,
  eventId: EventId,
  stateSets: readonly StateMap[],
  absenceConflicts: boolean,
): boolean {
  for (const stateSet of stateSets) {
    const other = stateSet.get(key);
    if (other !== eventId && (absenceConflicts || other !== undefined)) return false;
  }
  return true;
}

/** The conflicted state set: every event that is in conflict, once. */
export function conflictedEventIds({ conflicted }: StateConflicts): Set<EventId> {
  const ids = new Set<EventId>();
  for (const candidates of conflicted.values()) {
    for (const id of candidates) if (id !== undefined) ids.add(id);
  }
  return ids;
}

import type { RoomEvent, StateKey } from '../events/event.ts';
import { stateKeyOf } from '../events/event.ts';
import type { EventId } from '../identifiers.ts';
import type { RoomVersion } from '../room-versions.ts';
import { authDifference } from './auth-difference.ts';
import { conflictedSubgraph, eventsBetween } from './conflicted-subgraph.ts';
import { conflictedEventIds, type StateConflicts } from './conflicts.ts';
import { AuthDepths, type EventSource } from './event-source.ts';
import { iterativeAuthChecks, PartialState } from './iterative-auth.ts';
import { mainlineOrder } from './mainline-order.ts';
import { powerOrder } from './power-order.ts';
import { senderPowerLevels } from './sender-power-levels.ts';

const POWER_LEVELS = stateKeyOf('m.room.power_levels', '');
const EMPTY_STATE: ReadonlyMap<StateKey, EventId> = new Map();

/**
 * Resolves conflicts by the algorithm of room versions 2 to 11, or with the changes of version 12 where the version
 * says so: the checks start from empty state, and the conflicted state subgraph takes part.
 *
 * @returns the resolved entries beside the unconflicted state, which holds in any case.
 */
export function resolveV2(
  version: RoomVersion,
  conflicts: StateConflicts,
  source: EventSource,
): Map<StateKey, EventId> {
  const fromEmpty = version.stateResolution === 'v2.1';
  const depths = new AuthDepths(source);
  const { powerEvents, others } = divide(version, conflicts, source, depths, fromEmpty);
  const state = new PartialState(fromEmpty ? EMPTY_STATE : conflicts.unconflicted);
  iterativeAuthChecks(version, powerEvents, state, source);
  const mainline = mainlineOrder(others, state.get(POWER_LEVELS), source, depths);
  iterativeAuthChecks(version, mainline, state, source);
  for (const key of state.decided.keys()) {
    if (conflicts.unconflicted.get(key) !== undefined) state.decided.delete(key);
  }
  return state.decided;
}

/** Step 1: the full conflicted set as the power events with their auth events, in order, and the others. */
function divide(
  version: RoomVersion,
  conflicts: StateConflicts,
  source: EventSource,
  depths: AuthDepths,
  withSubgraph: boolean,
): { powerEvents: RoomEvent[]; others: RoomEvent[] } {
  const inConflict = conflictedEventIds(conflicts);
  const difference = conflicts.authDifference ?? authDifference(conflicts, source, depths);
  const subgraph = withSubgraph ? conflictedSubgraph(inConflict, source, depths) : [];
  const full = new Set([...inConflict, ...difference, ...subgraph]);

  // An event outside the full conflicted set is in every auth chain, hence so is all below it: a path through one
  // leads on to none but a conflicting event that is in every auth chain too.
  const reachable = without(inConflict, difference);
  const graph = eventsBetween(full, reachable, source, depths);
  const chosen = withAuthChains([...full].filter(isPowerEventIn(source)), graph, source);
  const others = without(full, chosen);
  const powerLevelOf = senderPowerLevels(version, source);
  const powerEvents = powerOrder(without(full, others), chosen, source, powerLevelOf);
  return { powerEvents, others: [...others].flatMap((id) => source.event(id) ?? []) };
}

function without(ids: ReadonlySet<EventId>, excluded: ReadonlySet<EventId>): Set<EventId> {
  return new Set([...ids].filter((id) => !excluded.has(id)));
}

/** The events and whatever they reach within the graph. */
function withAuthChains(
  start: readonly EventId[],
  graph: ReadonlySet<EventId>,
  source: EventSource,
): Set<EventId> {
  const reached = new Set(start);
  for (const id of reached) {
    for (const auth of source.event(id)?.authEventIds ?? []) if (graph.has(auth)) reached.add(auth);
  }
  return reached;
}

function isPowerEventIn(source: EventSource): (id: EventId) => boolean {
  return (id) => {
    const event = source.event(id);
    return event !== undefined && isPowerEvent(event);
  };
}

/** Events that may take away what someone can do in the room (Room Version 2, "Definitions", "Power events"). */
function isPowerEvent(event: RoomEvent): boolean {
  switch (event.type) {
    case 'm.room.power_levels':
    case 'm.room.join_rules':
      return event.stateKey !== undefined;
    case 'm.room.member': {
      const { membership } = event.content;
      return (
        (membership === 'leave' || membership === 'ban') &&
        event.stateKey !== undefined &&
        event.sender !== event.stateKey
      );
    }
    default:
      return false;
  }
}

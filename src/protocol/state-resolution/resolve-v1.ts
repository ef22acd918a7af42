import { createHash } from 'node:crypto';
import { checkAuth } from '../auth/auth-rules.ts';
import { splitStateKey, stateKeyOf, type RoomEvent, type StateKey } from '../events/event.ts';
import type { EventId } from '../identifiers.ts';
import type { RoomVersion } from '../room-versions.ts';
import type { StateConflicts } from './conflicts.ts';
import type { EventSource } from './event-source.ts';
import { PartialState } from './iterative-auth.ts';

/** The candidates of one key of state. */
type Conflict = readonly [key: StateKey, candidates: readonly RoomEvent[]];

/**
 * Resolves conflicts by the algorithm of room version 1: power levels, then join rules, then memberships, then the rest.
 *
 * @returns the resolved entries beside the unconflicted state.
 */
export function resolveV1(
  version: RoomVersion,
  conflicts: StateConflicts,
  source: EventSource,
): Map<StateKey, EventId> {
  const state = new PartialState(conflicts.unconflicted);
  const open = [...conflicts.conflicted].map(([key, candidates]): Conflict => [
    key,
    knownEvents(candidates, source),
  ]);
  const passes = [isPowerLevels, ofType('m.room.join_rules'), ofType('m.room.member')];
  for (const belongs of passes) {
    // The conflicts of one pass do not see each other, so their order is of no matter.
    decide(
      state,
      open.filter(([key]) => belongs(key)),
      (conflict) => lastAllowedInARow(version, conflict, state, source),
    );
  }
  decide(
    state,
    open.filter(([key]) => !passes.some((belongs) => belongs(key))),
    (conflict) => firstAllowed(version, conflict, state, source),
  );
  return state.decided;
}

function decide(
  state: PartialState,
  conflicts: readonly Conflict[],
  choose: (conflict: Conflict) => RoomEvent | undefined,
): void {
  const choices = conflicts.map((conflict) => [conflict[0], choose(conflict)] as const);
  for (const [key, event] of choices) if (event) state.decided.set(key, event.eventId);
}

/** From the shallowest on, each event that those before it allow, until one is not allowed. */
function lastAllowedInARow(
  version: RoomVersion,
  [key, candidates]: Conflict,
  state: PartialState,
  source: EventSource,
): RoomEvent | undefined {
  const [first, ...rest] = shallowestFirst(candidates);
  let last = first;
  for (const event of rest) {
    const before = last;
    const lookup = (type: string, stateKey: string): RoomEvent | undefined =>
      stateKeyOf(type, stateKey) === key ? before : eventAt(state, type, stateKey, source);
    if (!checkAuth(version, event, lookup).allowed) break;
    last = event;
  }
  return last;
}

/**
 * From the deepest on, the first event that is allowed. If none is, the shallowest: the specification is silent on this,
 * and servers of such rooms have always taken that one.
 */
function firstAllowed(
  version: RoomVersion,
  [, candidates]: Conflict,
  state: PartialState,
  source: EventSource,
): RoomEvent | undefined {
  const deepestFirst = shallowestFirst(candidates).reverse();
  const lookup = (type: string, stateKey: string): RoomEvent | undefined =>
    eventAt(state, type, stateKey, source);
  return deepestFirst.find((event) => checkAuth(version, event, lookup).allowed) ?? deepestFirst.at(-1);
}

function eventAt(
  state: PartialState,
  type: string,
  stateKey: string,
  source: EventSource,
): RoomEvent | undefined {
  const id = state.get(stateKeyOf(type, stateKey));
  return id === undefined ? undefined : source.event(id);
}

/** By rising depth, then by falling SHA-1 of the event ID. */
function shallowestFirst(events: readonly RoomEvent[]): RoomEvent[] {
  return events
    .map((event) => ({ event, hash: createHash('sha1').update(event.eventId).digest('hex') }))
    .sort((a, b) => a.event.depth - b.event.depth || (a.hash < b.hash ? 1 : -1))
    .map(({ event }) => event);
}

function knownEvents(candidates: readonly (EventId | undefined)[], source: EventSource): RoomEvent[] {
  const ids = new Set(candidates.filter((id) => id !== undefined));
  return [...ids].flatMap((id) => source.event(id) ?? []);
}

function isPowerLevels(key: StateKey): boolean {
  return key === stateKeyOf('m.room.power_levels', '');
}

function ofType(type: string): (key: StateKey) => boolean {
  return (key) => splitStateKey(key).type === type;
}

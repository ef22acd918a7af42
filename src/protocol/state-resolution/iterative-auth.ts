import { checkAuth } from '../auth/auth-rules.ts';
import { stateKeyOf, type RoomEvent, type StateKey } from '../events/event.ts';
import type { EventId } from '../identifiers.ts';
import type { RoomVersion } from '../room-versions.ts';
import type { UnconflictedState } from './conflicts.ts';
import type { EventSource } from './event-source.ts';

/** State under resolution: what was decided so far on top of what it started from, which stays as it is. */
export class PartialState {
  readonly decided = new Map<StateKey, EventId>();
  #start: Pick<UnconflictedState, 'get'>;

  constructor(start: Pick<UnconflictedState, 'get'>) {
    this.#start = start;
  }

  get(key: StateKey): EventId | undefined {
    return this.decided.get(key) ?? this.#start.get(key);
  }
}

/**
 * The iterative auth checks algorithm (Room Versions 2 and 12, "Definitions"): enters each event into the state if the
 * state so far allows it. What the state lacks for a check is taken from the event's own auth events, unless rejected.
 */
export function iterativeAuthChecks(
  version: RoomVersion,
  events: readonly RoomEvent[],
  state: PartialState,
  source: EventSource,
): void {
  for (const event of events) {
    if (event.stateKey === undefined) continue;
    const lookup = stateForCheck(version, event, state, source);
    if (checkAuth(version, event, lookup).allowed) {
      state.decided.set(stateKeyOf(event.type, event.stateKey), event.eventId);
    }
  }
}

function stateForCheck(
  version: RoomVersion,
  event: RoomEvent,
  state: PartialState,
  source: EventSource,
): (type: string, stateKey: string) => RoomEvent | undefined {
  return (type, stateKey) => {
    const id = state.get(stateKeyOf(type, stateKey));
    const found = id === undefined ? undefined : source.event(id);
    if (found) return found;
    if (version.roomIdIsCreateHash && type === 'm.room.create' && stateKey === '') {
      return source.event(createEventIdOf(event));
    }
    return fromAuthEvents(event, type, stateKey, source);
  };
}

function fromAuthEvents(
  event: RoomEvent,
  type: string,
  stateKey: string,
  source: EventSource,
): RoomEvent | undefined {
  for (const id of event.authEventIds) {
    const auth = source.event(id);
    if (auth?.type === type && auth.stateKey === stateKey && !source.rejected?.(id)) return auth;
  }
  return undefined;
}

/** From room version 12 on the room ID is the create event's ID with another sigil. */
export function createEventIdOf(event: RoomEvent): EventId {
  return `$${event.roomId.slice(1)}` as EventId;
}

import type { RoomEvent } from '../events/event.ts';
import type { EventId } from '../identifiers.ts';

/** Where state resolution gets events from. Everything is synchronous: load what may be needed first. */
export interface EventSource {
  /** The event, or undefined if it is not known; an unknown event is left out of the resolution. */
  event(id: EventId): RoomEvent | undefined;
  /** Whether the event was rejected. Without it no event was. */
  rejected?(id: EventId): boolean;
  /**
   * How far the event is from the start of the room along auth events, as `authDepthFrom` has it. It lets a resolution
   * stop early, so store it with each event; without it the auth chains of the conflicting events are walked to
   * their ends. It must be our own figure, never the `depth` that the sending server claims.
   */
  authDepth?(id: EventId): number | undefined;
}

/** The auth depth of an event from those of its auth events: 1 for an event without any, else one more than the most. */
export function authDepthFrom(depthsOfAuthEvents: Iterable<number>): number {
  let most = 0;
  for (const depth of depthsOfAuthEvents) most = Math.max(most, depth);
  return most + 1;
}

/** Looks up auth depths, computing and keeping those that the source does not tell. */
export class AuthDepths {
  #source: EventSource;
  #known = new Map<EventId, number>();

  constructor(source: EventSource) {
    this.#source = source;
  }

  /** The auth depth of an event; 0 if it is unknown. Every auth event of an event has a lesser one. */
  of(id: EventId): number {
    const told = this.#source.authDepth?.(id) ?? this.#known.get(id);
    return told ?? this.#compute(id);
  }

  /** Walks down with a stack of its own, since auth chains are longer than the call stack is deep. */
  #compute(start: EventId): number {
    const stack = [start];
    const entered = new Set<EventId>();
    for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
      const event = this.#source.event(id);
      const unknown = entered.has(id)
        ? []
        : (event?.authEventIds ?? []).filter((auth) => !this.#isKnown(auth));
      entered.add(id);
      // An event already entered is only met again in a cycle, which servers of versions 1 and 2 could make up.
      const next = unknown.filter((auth) => !entered.has(auth));
      if (next.length > 0) {
        stack.push(...next);
        continue;
      }
      stack.pop();
      const depths = (event?.authEventIds ?? []).map((auth) => this.#told(auth) ?? 0);
      if (!this.#isKnown(id)) this.#known.set(id, event ? authDepthFrom(depths) : 0);
    }
    return this.#known.get(start) ?? 0;
  }

  #told(id: EventId): number | undefined {
    return this.#source.authDepth?.(id) ?? this.#known.get(id);
  }

  #isKnown(id: EventId): boolean {
    return this.#told(id) !== undefined;
  }
}

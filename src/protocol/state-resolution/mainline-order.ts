import type { RoomEvent } from '../events/event.ts';
import type { EventId } from '../identifiers.ts';
import type { AuthDepths, EventSource } from './event-source.ts';
import { isEarlier } from './power-order.ts';

/** The event of a type and an empty state key among an event's auth events, if there is one. */
export function authEventOfType(event: RoomEvent, type: string, source: EventSource): RoomEvent | undefined {
  for (const id of event.authEventIds) {
    const auth = source.event(id);
    if (auth?.type === type && auth.stateKey === '') return auth;
  }
  return undefined;
}

/**
 * The mainline ordering of events based on a power levels event (Room Versions 2 and 12, "Definitions").
 *
 * @param powerLevelsId the event whose mainline it is; without one all events have the same position.
 */
export function mainlineOrder(
  events: readonly RoomEvent[],
  powerLevelsId: EventId | undefined,
  source: EventSource,
  depths: AuthDepths,
): RoomEvent[] {
  const mainline = new Mainline(powerLevelsId, source, depths);
  return events
    .map((event) => ({ event, position: mainline.positionOf(event) }))
    .sort((a, b) => {
      if (a.position !== b.position) return b.position > a.position ? 1 : -1;
      return isEarlier(a.event, b.event) ? -1 : 1;
    })
    .map(({ event }) => event);
}

/** The chain of power levels events below one, walked only as far down as it is asked about. */
class Mainline {
  #source: EventSource;
  #depths: AuthDepths;
  /** Next event of the mainline that has no position yet. */
  #next: RoomEvent | undefined;
  #length = 0;
  /** Positions on the mainline, and those that power levels events off it lead to. */
  #positions = new Map<EventId, number>();

  constructor(powerLevelsId: EventId | undefined, source: EventSource, depths: AuthDepths) {
    this.#source = source;
    this.#depths = depths;
    this.#next = powerLevelsId === undefined ? undefined : source.event(powerLevelsId);
  }

  /** The event's mainline position; infinite if none of the power levels it is based on is on the mainline. */
  positionOf(event: RoomEvent): number {
    const passed: EventId[] = [];
    let position: number | undefined;
    for (let e = this.#basedOn(event); e && position === undefined; e = this.#basedOn(e)) {
      this.#extendTo(this.#depths.of(e.eventId));
      position = this.#positions.get(e.eventId);
      passed.push(e.eventId);
    }
    for (const id of passed) this.#positions.set(id, position ?? Infinity);
    return position ?? Infinity;
  }

  /** Gives positions to the part of the mainline that is at least this deep. */
  #extendTo(depth: number): void {
    while (this.#next && this.#depths.of(this.#next.eventId) >= depth) {
      this.#positions.set(this.#next.eventId, this.#length++);
      this.#next = this.#basedOn(this.#next);
    }
  }

  /** The power levels event an event cites; only a shallower one, so that a made-up cycle ends. */
  #basedOn(event: RoomEvent): RoomEvent | undefined {
    const found = authEventOfType(event, 'm.room.power_levels', this.#source);
    if (!found || this.#depths.of(found.eventId) >= this.#depths.of(event.eventId)) return undefined;
    return found;
  }
}

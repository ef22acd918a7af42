import { PowerLevels } from '../auth/power-levels.ts';
import type { RoomEvent } from '../events/event.ts';
import type { EventId } from '../identifiers.ts';
import type { RoomVersion } from '../room-versions.ts';
import type { EventSource } from './event-source.ts';
import { createEventIdOf } from './iterative-auth.ts';
import { authEventOfType } from './mainline-order.ts';

/**
 * Tells the power level of an event's sender by the event's own auth events, as the reverse topological power ordering
 * compares it. Keeps each power levels event it has read.
 */
export function senderPowerLevels(version: RoomVersion, source: EventSource): (event: RoomEvent) => number {
  const read = new Map<EventId | undefined, PowerLevels>();
  return (event) => {
    const create = version.roomIdIsCreateHash
      ? source.event(createEventIdOf(event))
      : authEventOfType(event, 'm.room.create', source);
    if (!create) return 0;
    const levelsEvent = authEventOfType(event, 'm.room.power_levels', source);
    let levels = read.get(levelsEvent?.eventId);
    if (!levels) {
      levels = new PowerLevels(version, create, levelsEvent);
      read.set(levelsEvent?.eventId, levels);
    }
    return levels.userLevel(event.sender);
  };
}

import type { EventPruner } from '../../../protocol/filter/event-fields.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../protocol/json.ts';
import { alphaEvent, v1Presence } from '../event-shape.ts';
import { withReceiptsOf2015 } from '../receipt-shape.ts';

/**
 * An answer of today's /sync as version 2 alpha had it: rooms under the names of then, the events of a room in one
 * `event_map` to which timeline and state refer by ID, and nothing of what came later.
 *
 * @param prune - Takes from an event the fields that the filter asks for.
 * @param format - The filter's `event_format`: events as servers exchange them are left as they are.
 */
export function alphaSync(
  answer: JsonObject,
  { prune, format }: { prune: EventPruner; format: 'client' | 'federation' },
): JsonObject {
  const rooms = objectAt(answer, 'rooms');
  const shape = (event: JsonObject, roomId: string) =>
    prune(format === 'client' ? { ...alphaEvent(event), room_id: roomId } : event);
  const shown = (roomId: string, room: JsonObject): JsonObject => {
    const timeline = objectAt(room, 'timeline');
    const [events, state] = [eventsOf(timeline), eventsOf(objectAt(room, 'state'))];
    const named = [...state, ...events].map((event): [string, JsonObject] => [idOf(event), event]);
    return {
      event_map: Object.fromEntries(named.map(([id, event]) => [id, shape(event, roomId)])),
      timeline: { ...timeline, events: events.map(idOf) },
      state: { events: state.map(idOf) },
    };
  };
  const joined = (roomId: string, room: JsonObject): JsonObject => ({
    ...shown(roomId, room),
    ephemeral: {
      events: withReceiptsOf2015(eventsOf(objectAt(room, 'ephemeral'))).map((event) =>
        prune({ ...event, room_id: roomId }),
      ),
    },
  });
  const invited = (_roomId: string, room: JsonObject): JsonObject => ({
    invite_state: { events: eventsOf(objectAt(room, 'invite_state')).map(strippedOf2015) },
  });
  return {
    next_batch: answer.next_batch,
    presence: { events: presenceIn(answer).map((event) => prune(alphaPresence(event))) },
    rooms: {
      joined: each(objectAt(rooms, 'join'), joined),
      invited: each(objectAt(rooms, 'invite'), invited),
      archived: each(objectAt(rooms, 'leave'), shown),
    },
  };
}

/** The presence events of an answer of today's /sync. */
export function presenceIn(answer: JsonObject): JsonObject[] {
  return eventsOf(objectAt(answer, 'presence'));
}

/** Both who tells it, as the example of version 2 alpha has it, and what the event schema of 2015 demands. */
function alphaPresence(event: JsonObject): JsonObject {
  return { ...v1Presence(event), sender: event.sender };
}

/** The state of a room that one is invited to may have these keys and no others. */
function strippedOf2015({ sender, type, state_key: key, content }: JsonObject): JsonObject {
  return { sender, type, state_key: key, content };
}

function each(rooms: JsonObject, shape: (roomId: string, room: JsonObject) => JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(rooms).map(([roomId, room]) => [roomId, shape(roomId, isJsonObject(room) ? room : {})]),
  );
}

function objectAt(holder: JsonObject, key: string): JsonObject {
  const value = holder[key];
  return isJsonObject(value) ? value : {};
}

function eventsOf({ events }: JsonObject): JsonObject[] {
  return Array.isArray(events) ? events.filter((event: JsonValue) => isJsonObject(event)) : [];
}

function idOf({ event_id: id }: JsonObject): string {
  return typeof id === 'string' ? id : '';
}

import type { JsonObject } from '../../../protocol/json.ts';
import type { ClientEvents, Viewer } from '../../../rooms/reading/client-events.ts';
import type { StoredEvent } from '../../../rooms/events/stored-event.ts';
import { v1Event } from '../event-shape.ts';

/** What it takes to show events to somebody. */
export interface ShowsEvents {
  readonly clientEvents: ClientEvents;
  readonly clock: { now(): number };
}

/** Events, of whatever rooms, as version 1 had them, in the same order. */
export async function v1Events(
  { clientEvents }: ShowsEvents,
  viewer: Viewer,
  events: readonly StoredEvent[],
): Promise<JsonObject[]> {
  const shaped = new Map<StoredEvent, JsonObject>();
  for (const [roomId, ofRoom] of Map.groupBy(events, (event) => event.roomId)) {
    const texts = await clientEvents.texts(ofRoom, viewer, { roomId });
    for (const [i, event] of ofRoom.entries()) {
      shaped.set(event, v1Event(JSON.parse(texts[i] ?? '{}') as JsonObject));
    }
  }
  return events.map((event) => shaped.get(event) ?? {});
}

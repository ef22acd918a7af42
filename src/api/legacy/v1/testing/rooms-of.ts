import type { Json } from '../../../../testing/client/test-client.ts';
import type { V1Client } from '../../../../testing/client/v1-client.ts';

/** The present state of a room, by type and state key. */
export async function stateOf(person: V1Client, roomId: string): Promise<Record<string, Json>> {
  const events = (await person.ok('GET', person.room(roomId, '/state'))) as Json[];
  return Object.fromEntries(events.map((event) => [`${event.type} ${event.state_key}`.trimEnd(), event]));
}

/** Contents of a room's state, by type and state key. */
export async function contentsOf(person: V1Client, roomId: string): Promise<Record<string, Json>> {
  const state = await stateOf(person, roomId);
  return Object.fromEntries(Object.entries(state).map(([key, { content }]) => [key, content]));
}

/** The rooms that a client of version 1 is shown first. */
export async function roomIds(person: V1Client): Promise<string[]> {
  return (await person.ok('GET', '/initialSync')).rooms.map((room: Json) => room.room_id).sort();
}

import type { Json, TestClient } from '../../../../testing/client/test-client.ts';

/** The IDs of events. */
export function ids(events: Json[]): string[] {
  return events.map((event) => event.event_id);
}

/** What the content of an event says of how it relates to another. */
export function relates(relType: string, eventId: string, more: object = {}): object {
  return { 'm.relates_to': { rel_type: relType, event_id: eventId, ...more } };
}

/** Edits a message. */
export function edit(person: TestClient, room: string, eventId: string, text: string): Promise<string> {
  const content = { msgtype: 'm.text', body: text };
  return person.say(room, `* ${text}`, { 'm.new_content': content, ...relates('m.replace', eventId) });
}

/** A path of version 1 about a room. */
export function path(room: string, rest: string): string {
  return `/v1/rooms/${encodeURIComponent(room)}${rest}`;
}

/** The path of what relates to an event. */
export function relations(room: string, eventId: string, rest = ''): string {
  return path(room, `/relations/${encodeURIComponent(eventId)}${rest}`);
}

/** What is bundled with an event, as somebody sees it. */
export async function bundle(person: TestClient, room: string, eventId: string): Promise<Json> {
  const event = await person.ok('GET', person.room(room, `/event/${encodeURIComponent(eventId)}`));
  return event.unsigned['m.relations'];
}

import type { Json, TestClient } from '../../../testing/client/test-client.ts';

/** What somebody has of a room in an initial sync. */
export async function joined(person: TestClient, room: string): Promise<Json> {
  return (await person.sync()).rooms.join[room];
}

/** Waits until somebody sees an event in a room. */
export async function sees(person: TestClient, room: string, holds: (event: Json) => boolean): Promise<Json> {
  const body = await person.syncUntil(undefined, (answer) => {
    return (answer.rooms?.join?.[room]?.timeline?.events ?? []).some(holds);
  });
  return body.rooms.join[room].timeline.events.find(holds);
}

/** Whether an event is of a user who joins. */
export const joins = (userId: string) => (event: Json) =>
  event.type === 'm.room.member' && event.state_key === userId && event.content.membership === 'join';

/** Whether an event is a message of this text. */
export const says = (text: string) => (event: Json) => event.content?.body === text;

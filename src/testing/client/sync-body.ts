import type { Json } from './test-client.ts';

/** What the answer to a sync says of a room that its user is in. */
export function joined(body: Json, roomId: string): Json {
  return body.rooms?.join?.[roomId];
}

/** The first ephemeral event of a type that the answer to a sync has for a room. */
export function ephemeral(body: Json, roomId: string, type: string): Json {
  return joined(body, roomId)?.ephemeral?.events?.find((event: Json) => event.type === type);
}

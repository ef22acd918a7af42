import type { Json, TestClient } from '../../../testing/client/test-client.ts';

/** Searches for a term; a later page with the token of the one before. */
export async function find(
  client: TestClient,
  term: string,
  more: object = {},
  from?: string,
): Promise<Json> {
  const path = from === undefined ? '/v3/search' : `/v3/search?next_batch=${encodeURIComponent(from)}`;
  const body = { search_categories: { room_events: { search_term: term, ...more } } };
  return (await client.ok('POST', path, body)).search_categories.room_events;
}

/** What the events found say. */
export function texts(found: Json): string[] {
  return found.results.map(({ result }: Json) => {
    const { body, name, topic } = result.content;
    return body ?? name ?? topic;
  });
}

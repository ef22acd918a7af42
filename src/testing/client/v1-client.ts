import assert from 'node:assert/strict';
import { EventSchemas2015 } from '../contract/event-schemas-2015.ts';
import { TestClient, type Answer, type Json } from './test-client.ts';

const V1 = '/_matrix/client/api/v1';

/** What events are held against. */
export const schemas2015 = new EventSchemas2015();

/**
 * A person with a client of October 2015: paths below `/_matrix/client/api/v1`, the access token in the query string. Every
 * event that it gets must be as the event schemas of then say.
 */
export class V1Client extends TestClient {
  /** The same person as another client's. */
  static of(person: TestClient): V1Client {
    const client = new V1Client(person.base, person.token);
    client.userId = person.userId;
    client.deviceId = person.deviceId;
    return client;
  }

  /** One request; paths that do not begin with `/_matrix` are of version 1. */
  override async ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const url = new URL((path.startsWith('/_matrix') ? '' : V1) + path, this.base);
    if (this.token !== undefined) url.searchParams.set('access_token', this.token);
    const client = new TestClient(this.base);
    const answer = await client.ask(method, url.pathname + url.search, body);
    if (answer.status === 200 && typeof answer.body !== 'string') {
      assert.deepEqual(schemas2015.faultsIn(answer.body), [], `${method} ${path}`);
    }
    return answer;
  }

  override async createRoom(wishes: object = {}): Promise<string> {
    return (await this.ok('POST', '/createRoom', wishes)).room_id;
  }

  override join(roomId: string): Promise<Json> {
    return this.ok('POST', `/join/${encodeURIComponent(roomId)}`, {});
  }

  override async send(roomId: string, type: string, content: object): Promise<string> {
    return (await this.ok('POST', this.room(roomId, `/send/${type}`), content)).event_id;
  }

  override async setState(roomId: string, type: string, content: object, stateKey = ''): Promise<string> {
    const path = this.room(roomId, `/state/${type}/${encodeURIComponent(stateKey)}`);
    return (await this.ok('PUT', path, content)).event_id;
  }

  override room(roomId: string, rest: string): string {
    return `/rooms/${encodeURIComponent(roomId)}${rest}`;
  }

  /** A page of the event stream. */
  events(query: Record<string, string | number> = {}): Promise<Json> {
    return this.ok('GET', `/events${queryOf(query)}`);
  }

  /** A page of a room's messages. */
  messages(roomId: string, query: Record<string, string | number>): Promise<Json> {
    return this.ok('GET', this.room(roomId, `/messages${queryOf(query)}`));
  }

  /** Follows the event stream from a token until an event is what was waited for; gives that event. */
  async eventUntil(from: string, holds: (event: Json) => boolean): Promise<Json> {
    let token = from;
    for (let i = 0; i < 50; i++) {
      const { chunk, end } = await this.events({ from: token, timeout: 5_000 });
      const found = (chunk as Json[]).find(holds);
      if (found) return found;
      token = end;
    }
    throw new Error('The event stream never showed what was waited for');
  }
}

function queryOf(query: Record<string, string | number>): string {
  const entries = Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]);
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries).toString()}`;
}

/** Registered people with clients of 2015, in the order of their names. */
export async function v1People<const Names extends readonly string[]>(
  server: { person(name: string): Promise<TestClient> },
  ...names: Names
): Promise<{ [Name in keyof Names]: V1Client }> {
  const people: V1Client[] = [];
  for (const name of names) people.push(V1Client.of(await server.person(name)));
  return people as { [Name in keyof Names]: V1Client };
}

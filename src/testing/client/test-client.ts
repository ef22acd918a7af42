import assert from 'node:assert/strict';
import { assertContractKept } from '../contract/checked-traffic.ts';

/** JSON of unknown shape: its shape is what the tests find out. */
export type Json = ReturnType<typeof JSON.parse>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

/** A person with a client, talking to a server over HTTP. */
export class TestClient {
  readonly base: string;
  token: string | undefined;
  userId = '';
  deviceId = '';
  #transactions = 0;
  /** Another object for the same device makes transactions of its own. */
  readonly #series = crypto.randomUUID().slice(0, 8);

  constructor(base: string, token?: string) {
    this.base = base;
    this.token = token;
  }

  /** One request; the path begins after `/_matrix/client`. Fails where the answer breaks the specification's schemas. */
  async ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const url =
      path.startsWith('/v') || path.startsWith('/r') || path.startsWith('/u')
        ? `/_matrix/client${path}`
        : path;
    const response = await fetch(this.base + url, {
      method,
      headers: this.token === undefined ? {} : { authorization: `Bearer ${this.token}` },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    assertContractKept();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    const parsed = isJson && text !== '' ? JSON.parse(text) : text;
    return { status: response.status, headers: response.headers, body: parsed as Json };
  }

  /** A request that must succeed; gives its body. */
  async ok(method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await this.ask(method, path, body);
    assert.equal(answer.status, 200, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** A request that must fail with this status and errcode. */
  async fails(status: number, errcode: string, method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await this.ask(method, path, body);
    const got = `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`;
    assert.equal(answer.status, status, got);
    assert.equal(answer.body.errcode, errcode, got);
    return answer.body;
  }

  async register(username: string, more: object = {}): Promise<this> {
    const auth = { type: 'm.login.dummy' };
    const body = await this.ok('POST', '/v3/register', {
      username,
      password: `${username} password`,
      auth,
      ...more,
    });
    this.token = body.access_token;
    this.userId = body.user_id;
    this.deviceId = body.device_id;
    return this;
  }

  async createRoom(wishes: object = {}): Promise<string> {
    return (await this.ok('POST', '/v3/createRoom', wishes)).room_id;
  }

  /** Joins a room, by way of another server if one is named. */
  join(roomId: string, via?: string): Promise<Json> {
    const query = via === undefined ? '' : `?via=${encodeURIComponent(via)}`;
    return this.ok('POST', `/v3/join/${encodeURIComponent(roomId)}${query}`, {});
  }

  /** Sends a text message; gives the event ID. */
  async say(roomId: string, text: string, more: object = {}): Promise<string> {
    return this.send(roomId, 'm.room.message', { msgtype: 'm.text', body: text, ...more });
  }

  async send(roomId: string, type: string, content: object): Promise<string> {
    this.#transactions += 1;
    const path = `/v3/rooms/${encodeURIComponent(roomId)}/send/${type}/${this.#series}-${this.#transactions}`;
    return (await this.ok('PUT', path, content)).event_id;
  }

  async setState(roomId: string, type: string, content: object, stateKey = ''): Promise<string> {
    const path = `/v3/rooms/${encodeURIComponent(roomId)}/state/${type}/${encodeURIComponent(stateKey)}`;
    return (await this.ok('PUT', path, content)).event_id;
  }

  /** A path below a room. */
  room(roomId: string, rest: string): string {
    return `/v3/rooms/${encodeURIComponent(roomId)}${rest}`;
  }

  sync(query: Record<string, string | number> = {}): Promise<Json> {
    const text = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) text.set(key, String(value));
    return this.ok('GET', `/v3/sync?${text.toString()}`);
  }

  /** Follows the sync stream from a token until the condition holds; gives that answer. */
  async syncUntil(
    since: string | undefined,
    holds: (body: Json) => boolean,
    query: object = {},
  ): Promise<Json> {
    let token = since;
    for (let i = 0; i < 50; i++) {
      const body = await this.sync({
        timeout: 5_000,
        ...query,
        ...(token === undefined ? {} : { since: token }),
      });
      if (holds(body)) return body;
      token = body.next_batch;
    }
    throw new Error('The sync stream never showed what was waited for');
  }
}

/** Bodies of the messages among events. */
export function bodies(events: Json | undefined): string[] {
  return ((events ?? []) as Json[])
    .filter((event) => event.type === 'm.room.message')
    .map((event) => event.content?.body ?? '');
}

import type { Json, TestClient } from '../../../testing/client/test-client.ts';

/** Wishes for rooms that a test repeats. */
export interface Wishes {
  lists?: Record<string, object>;
  room_subscriptions?: Record<string, object>;
  extensions?: Record<string, object>;
}

const PATH = '/unstable/org.matrix.simplified_msc3575/sync';

/** A list of all rooms. */
export function allRooms(
  timelineLimit = 10,
  requiredState: readonly (readonly string[])[] = [],
  more: object = {},
): Wishes {
  const list = { ranges: [[0, 99]], timeline_limit: timelineLimit, required_state: requiredState, ...more };
  return { lists: { all: list } };
}

/** How many rooms each list of an answer has. */
export function counts(body: Json): Record<string, number> {
  return Object.fromEntries(
    Object.entries(body.lists as Record<string, Json>).map(([name, list]) => [name, list.count as number]),
  );
}

/** The required state of a room in an answer, as `type|state key`. */
export function state(room: Json): string[] {
  return ((room.required_state ?? []) as Json[]).map((event) => `${event.type}|${event.state_key}`).sort();
}

/** Whose membership is in the required state of a room in an answer. */
export function members(room: Json): string[] {
  return ((room.required_state ?? []) as Json[])
    .filter((event) => event.type === 'm.room.member')
    .map((event) => `${event.state_key}`)
    .sort();
}

/** A client's loop of sliding sync requests. */
export class SlidingConnection {
  readonly client: TestClient;
  readonly connId: string;
  /** What the next request will say that the client has. */
  pos: string | undefined;

  constructor(client: TestClient, connId = 'main') {
    this.client = client;
    this.connId = connId;
  }

  /** One request and its answer, which the client takes in. */
  async next(wishes: Wishes, timeoutMs = 0): Promise<Json> {
    const body = await this.ask(wishes, timeoutMs);
    this.pos = body.pos;
    return body;
  }

  /** One request whose answer gets lost on the way to the client. */
  ask(wishes: Wishes, timeoutMs = 0, signal?: AbortSignal): Promise<Json> {
    const body = { conn_id: this.connId, ...wishes };
    if (signal) return this.#fetch(this.#path(timeoutMs), body, signal);
    return this.client.ok('POST', this.#path(timeoutMs), body);
  }

  /** A request that must fail. */
  fails(status: number, errcode: string, wishes: object): Promise<Json> {
    return this.client.fails(status, errcode, 'POST', this.#path(0), { conn_id: this.connId, ...wishes });
  }

  #path(timeoutMs: number): string {
    const query = new URLSearchParams({ timeout: String(timeoutMs) });
    if (this.pos !== undefined) query.set('pos', this.pos);
    return `${PATH}?${query.toString()}`;
  }

  async #fetch(path: string, body: object, signal: AbortSignal): Promise<Json> {
    const response = await fetch(`${this.client.base}/_matrix/client${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.client.token ?? ''}` },
      body: JSON.stringify(body),
      signal,
    });
    return response.json();
  }
}

import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import { parseEventId } from '../../protocol/identifiers.ts';
import { parseExactJson } from '../../protocol/exact-json.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { elementsOfArrays } from '../../protocol/json-elements.ts';
import type { FederationClient } from '../federation-client.ts';

const V1 = '/_matrix/federation/v1';
const TIMEOUT_MS = 20_000;
/** For a state, which may be large. */
const STATE_TIMEOUT_MS = 60_000;

/** Asks other servers for events of a room. What they answer is not checked, but for being of the right shape. */
export class RoomRequests {
  readonly #client: FederationClient;

  constructor(client: FederationClient) {
    this.#client = client;
  }

  /** POST get_missing_events: events between some and others, at most `limit`. */
  async missingEvents(
    server: ServerName,
    roomId: RoomId,
    range: { earliest: readonly EventId[]; latest: readonly EventId[]; limit: number; minDepth: number },
  ): Promise<readonly JsonValue[]> {
    const { earliest, latest, limit, minDepth } = range;
    const body = {
      earliest_events: [...earliest],
      latest_events: [...latest],
      limit,
      min_depth: minDepth,
    };
    const path = `${V1}/get_missing_events/${encodeURIComponent(roomId)}`;
    const answer = await this.#client.request(server, {
      method: 'POST',
      path,
      body,
      timeoutMs: TIMEOUT_MS,
      holdsEvents: true,
    });
    return listIn(answer, 'events').slice(0, limit);
  }

  /** GET event: one event. */
  async event(server: ServerName, eventId: EventId): Promise<JsonValue | undefined> {
    return listIn(await this.#get(server, `/event/${encodeURIComponent(eventId)}`), 'pdus')[0];
  }

  /** GET state_ids: the state before an event, and its auth chain, as IDs. */
  async stateIds(
    server: ServerName,
    roomId: RoomId,
    eventId: EventId,
  ): Promise<{ state: EventId[]; authChain: EventId[] }> {
    const path = `/state_ids/${encodeURIComponent(roomId)}`;
    const answer = await this.#get(server, path, { event_id: eventId });
    return { state: idsIn(answer, 'pdu_ids'), authChain: idsIn(answer, 'auth_chain_ids') };
  }

  /** GET state: the state before an event, and its auth chain, read from the answer one by one: they may be many. */
  async state(server: ServerName, roomId: RoomId, eventId: EventId): Promise<Iterable<JsonValue>> {
    const path = `${V1}/state/${encodeURIComponent(roomId)}`;
    const query = { event_id: eventId };
    const request = { method: 'GET', path, query, timeoutMs: STATE_TIMEOUT_MS } as const;
    return stateIn(await this.#client.bytes(server, request));
  }

  /** GET event_auth: the auth chain of an event. */
  async eventAuth(server: ServerName, roomId: RoomId, eventId: EventId): Promise<readonly JsonValue[]> {
    const path = `/event_auth/${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`;
    return listIn(await this.#get(server, path), 'auth_chain');
  }

  /** GET backfill: events and those before them, at most `limit`. */
  async backfill(
    server: ServerName,
    roomId: RoomId,
    from: readonly EventId[],
    limit: number,
  ): Promise<readonly JsonValue[]> {
    const path = `${V1}/backfill/${encodeURIComponent(roomId)}`;
    const query = { v: from, limit };
    const request = {
      method: 'GET',
      path,
      query,
      timeoutMs: TIMEOUT_MS,
      slashIn2015: true,
      holdsEvents: true,
    } as const;
    return listIn(await this.#client.request(server, request), 'pdus').slice(0, limit);
  }

  /** GET timestamp_to_event: the event nearest to a time in a direction. */
  async eventByTime(
    server: ServerName,
    roomId: RoomId,
    ts: number,
    dir: 'f' | 'b',
  ): Promise<EventId | undefined> {
    const path = `/timestamp_to_event/${encodeURIComponent(roomId)}`;
    const { event_id: eventId } = await this.#get(server, path, { ts, dir });
    return typeof eventId === 'string' ? parseEventId(eventId) : undefined;
  }

  #get(
    server: ServerName,
    path: string,
    query: Readonly<Record<string, string | number | readonly string[]>> = {},
  ): Promise<JsonObject> {
    return this.#client.request(server, {
      method: 'GET',
      path: V1 + path,
      query,
      timeoutMs: TIMEOUT_MS,
      holdsEvents: true,
    });
  }
}

function* stateIn(answer: Buffer): Generator<JsonValue> {
  for (const { key, text } of elementsOfArrays(answer)) {
    if (key !== 'pdus' && key !== 'auth_chain') continue;
    const value = parsed(text);
    if (value !== undefined) yield value;
  }
}

function parsed(text: string): JsonValue | undefined {
  try {
    return parseExactJson(text);
  } catch {
    return undefined;
  }
}

function listIn(answer: JsonObject, key: string): readonly JsonValue[] {
  const list = answer[key];
  return Array.isArray(list) ? (list as readonly JsonValue[]) : [];
}

function idsIn(answer: JsonObject, key: string): EventId[] {
  const ids = new Set<EventId>();
  for (const one of listIn(answer, key)) {
    const id = typeof one === 'string' ? parseEventId(one) : undefined;
    if (id !== undefined) ids.add(id);
  }
  return [...ids];
}

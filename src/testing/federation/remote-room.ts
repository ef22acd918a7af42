import assert from 'node:assert/strict';
import { authTypesFor } from '../../protocol/auth/auth-types.ts';
import { stateKeyOf, type Pdu, type StateKey } from '../../protocol/events/event.ts';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import type { EventId, ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { roomVersion, type RoomVersion } from '../../protocol/room-versions.ts';
import { finishPdu, type SigningKey } from '../../protocol/signing.ts';
import type { Json } from '../client/test-client.ts';

/** An event that a remote server made. */
export interface RemoteEvent {
  readonly pdu: Pdu;
  readonly eventId: EventId;
}

/** A server that makes events of its own, as far as a room needs it. */
export interface RoomGuest {
  readonly name: ServerName;
  readonly key: SigningKey;
  /** Milliseconds since the epoch. */
  now(): number;
  /** An ID for a transaction. */
  newId(): string;
  /** Asks a server something, signed. */
  ask(
    to: ServerName,
    method: 'GET' | 'PUT' | 'POST',
    uri: string,
    content?: JsonObject,
  ): Promise<{ status: number; body: Json }>;
}

/** What an event is to have. What is left out is as an honest server would have it. */
export interface RemoteDraft {
  readonly type: string;
  readonly content: JsonObject;
  readonly stateKey?: string;
  readonly sender?: string;
  readonly prev?: readonly EventId[];
  readonly auth?: readonly EventId[];
  readonly depth?: number;
  readonly ts?: number;
  /** Further keys of the event. */
  readonly more?: JsonObject;
}

/**
 * A room as a remote server has it, to make events for it, honest or not. It follows what it makes, but not what
 * others send.
 */
export class RemoteRoom {
  readonly remote: RoomGuest;
  readonly resident: ServerName;
  readonly roomId: string;
  readonly version: RoomVersion;
  readonly userId: string;
  readonly state = new Map<StateKey, RemoteEvent>();
  /** The events that the next one follows. */
  latest: EventId[] = [];
  depth = 0;

  private constructor(remote: RoomGuest, resident: ServerName, roomId: string, version: RoomVersion) {
    this.remote = remote;
    this.resident = resident;
    this.roomId = roomId;
    this.version = version;
    this.userId = `@mallory:${remote.name}`;
  }

  /** Joins by the book. */
  static async join(remote: RoomGuest, resident: ServerName, roomId: string): Promise<RemoteRoom> {
    const member = `${encodeURIComponent(roomId)}/${encodeURIComponent(`@mallory:${remote.name}`)}`;
    const versions = Array.from({ length: 12 }, (_, i) => `ver=${i + 1}`).join('&');
    const made = await remote.ask(resident, 'GET', `/_matrix/federation/v1/make_join/${member}?${versions}`);
    assert.equal(made.status, 200, JSON.stringify(made.body));
    const room = new RemoteRoom(remote, resident, roomId, roomVersion(made.body.room_version));
    const join = room.#sign({ ...made.body.event, origin_server_ts: remote.now() });
    const uri = `/_matrix/federation/v2/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(join.eventId)}`;
    const sent = await remote.ask(resident, 'PUT', uri, join.pdu);
    assert.equal(sent.status, 200, JSON.stringify(sent.body));
    for (const pdu of sent.body.state as Pdu[]) room.take({ pdu, eventId: eventIdOf(pdu, room.version) });
    room.take(join);
    room.latest = [join.eventId];
    return room;
  }

  /** Makes an event on top of what it knows, without sending it. It is the latest from now on, if it is honest. */
  make(draft: RemoteDraft): RemoteEvent {
    const { type, stateKey, content } = draft;
    const sender = draft.sender ?? this.userId;
    const needed = authTypesFor(this.version, { type, stateKey, sender, content });
    const auth = needed.flatMap((key) => this.state.get(stateKeyOf(...key))?.eventId ?? []);
    const unsigned: JsonObject = {
      auth_events: this.#references(draft.auth ?? auth),
      content,
      depth: draft.depth ?? Math.min(this.depth + 1, Number.MAX_SAFE_INTEGER),
      origin_server_ts: draft.ts ?? this.remote.now(),
      prev_events: this.#references(draft.prev ?? this.latest),
      room_id: this.roomId,
      sender,
      type,
      ...draft.more,
    };
    if (stateKey !== undefined) unsigned.state_key = stateKey;
    return this.#sign(unsigned as Pdu);
  }

  /** Makes an event and goes on from it. */
  next(draft: RemoteDraft): RemoteEvent {
    const event = this.make(draft);
    this.take(event);
    this.latest = [event.eventId];
    return event;
  }

  /** A message that is the latest from now on. */
  say(body: string): RemoteEvent {
    return this.next({ type: 'm.room.message', content: { msgtype: 'm.text', body } });
  }

  /** Takes an event into account. */
  take(event: RemoteEvent): void {
    const { type, state_key: stateKey, depth } = event.pdu;
    if (typeof stateKey === 'string') this.state.set(stateKeyOf(type, stateKey), event);
    this.depth = Math.max(this.depth, depth);
  }

  /** Sends events in a transaction; gives the result of each, undefined for what was taken. */
  send(...events: readonly RemoteEvent[]): Promise<(string | undefined)[]> {
    return this.sendTo(this.resident, ...events);
  }

  /** The same to another server that is in the room. */
  async sendTo(server: ServerName, ...events: readonly RemoteEvent[]): Promise<(string | undefined)[]> {
    const results = await this.#send(
      server,
      events.map(({ pdu }) => pdu),
    );
    return events.map(({ eventId }) => results[eventId]?.error);
  }

  /** Sends whatever as events; gives the results by event ID. */
  sendRaw(...pdus: readonly JsonObject[]): Promise<Json> {
    return this.#send(this.resident, pdus);
  }

  async #send(server: ServerName, pdus: readonly JsonObject[]): Promise<Json> {
    const body = { origin: this.remote.name, origin_server_ts: this.remote.now(), pdus: [...pdus] };
    const uri = `/_matrix/federation/v1/send/${this.remote.newId()}`;
    const answer = await this.remote.ask(server, 'PUT', uri, body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body.pdus;
  }

  /** In room versions 1 and 2 events refer to others by ID and hash; nobody looks at the hashes. */
  #references(ids: readonly EventId[]): JsonValue[] {
    return this.#namesEvents ? ids.map((id) => [id, { sha256: 'AAAA' }]) : [...ids];
  }

  get #namesEvents(): boolean {
    return this.version.eventIdFormat === 'server-chosen';
  }

  #sign(unsigned: Pdu): RemoteEvent {
    if (this.#namesEvents) unsigned.event_id ??= `$${this.remote.newId()}:${this.remote.name}`;
    const { pdu, eventId } = finishPdu(unsigned, this.version, this.remote.name, this.remote.key);
    return { pdu, eventId };
  }
}

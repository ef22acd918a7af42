import { eventIdOf } from '../../protocol/events/event-id.ts';
import { serverName, type EventId, type ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { signJson, SigningKey } from '../../protocol/signing.ts';
import { authorizationOf } from '../../federation/x-matrix.ts';
import type { RoomGuest, RemoteRoom } from '../federation/remote-room.ts';
import type { Json } from '../client/test-client.ts';
import type { DeliveredRequest, Machine, MachineAnswer, SimulatedNetwork } from './network.ts';
import { timeLimit } from '../../platform/timers.ts';
import { ProcessTimers, type VirtualTime } from './virtual-time.ts';

const TIMEOUT_MS = 20_000;

/**
 * A server that keeps to the rules as far as others have to believe that it is one: it publishes its key and takes what it
 * is sent. To whoever asks for its events it tells nothing, or lies.
 */
export class HostileServer implements RoomGuest, Machine {
  readonly name: ServerName;
  readonly key: SigningKey;
  readonly rooms = new Map<string, RemoteRoom>();
  /** Events that no honest server may show to anybody. */
  readonly forbidden = new Set<EventId>();
  /** Texts that no honest server may show to anybody. */
  readonly forbiddenTexts = new Set<string>();
  /** What it answers to whoever asks for an event, or for what came before it. */
  readonly lies = new Map<EventId, JsonObject[]>();
  readonly #time: VirtualTime;
  readonly #network: SimulatedNetwork;
  #ids = 0;

  constructor(name: string, time: VirtualTime, network: SimulatedNetwork) {
    this.name = serverName(name);
    this.key = SigningKey.fromSeed('ed25519:hostile', Buffer.alloc(32, name.length));
    this.#time = time;
    this.#network = network;
    network.connect(name, this);
  }

  now(): number {
    return this.#time.now;
  }

  newId(): string {
    return `${this.name}-${(this.#ids += 1)}`;
  }

  async ask(
    to: ServerName,
    method: 'GET' | 'PUT' | 'POST',
    uri: string,
    content?: JsonObject,
  ): Promise<{ status: number; body: Json }> {
    const signed = { method, uri, origin: this.name, destination: to, content };
    const route = { host: to, port: 8448, tlsName: to, hostHeader: to };
    const limit = timeLimit(new ProcessTimers(this.#time), TIMEOUT_MS);
    const answer = await this.#network.transport(this.name).request(route, {
      ...{ method, target: uri, signal: limit.signal },
      headers: { authorization: authorizationOf(signed, this.key), 'content-type': 'application/json' },
      body: content === undefined ? undefined : JSON.stringify(content),
    });
    limit.cancel();
    const chunks: Buffer[] = [];
    for await (const chunk of answer.body) chunks.push(chunk as Buffer);
    return { status: answer.status, body: JSON.parse(Buffer.concat(chunks).toString()) as Json };
  }

  answer({ target, body }: DeliveredRequest): Promise<MachineAnswer> {
    if (target.startsWith('/_matrix/key/v2/server')) return Promise.resolve(json(200, this.#keys()));
    if (!target.startsWith('/_matrix/federation/v1/send/')) return Promise.resolve(this.#lie(target, body));
    const transaction = JSON.parse(body ?? '{}') as { pdus?: Json[] };
    for (const pdu of transaction.pdus ?? []) this.#follow(pdu);
    return Promise.resolve(json(200, { pdus: {} }));
  }

  /** Tells the same events as whatever was asked for. */
  #lie(target: string, body: string | undefined): MachineAnswer {
    const asked = decodeURIComponent(target) + (body ?? '');
    const [, lies] = [...this.lies].find(([eventId]) => asked.includes(eventId)) ?? [];
    if (!lies) return json(404, { errcode: 'M_NOT_FOUND', error: 'You will not learn of this' });
    const ids = [...this.forbidden].slice(-lies.length);
    const about = { origin: this.name, origin_server_ts: this.now() };
    return json(200, {
      ...about,
      ...{ events: lies, pdus: lies, auth_chain: lies },
      ...{ pdu_ids: ids, auth_chain_ids: ids },
    });
  }

  #follow(pdu: Json): void {
    const room = this.rooms.get(pdu.room_id as string);
    if (!room) return;
    const eventId = eventIdOf(pdu, room.version);
    room.take({ pdu, eventId });
    room.latest = [eventId];
  }

  #keys(): JsonObject {
    const keys = {
      server_name: this.name,
      valid_until_ts: this.now() + 86_400_000,
      verify_keys: { [this.key.keyId]: { key: this.key.publicKey } },
      old_verify_keys: {},
    };
    return signJson(keys, this.name, this.key);
  }
}

function json(status: number, body: JsonObject): MachineAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) };
}

import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Agent, request, type Dispatcher } from 'undici';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import { serverName, type ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { signJson, SigningKey } from '../../protocol/signing.ts';
import { authorizationOf } from '../../federation/x-matrix.ts';
import type { Certificate, TestAuthority } from './certificates.ts';
import type { Json } from '../client/test-client.ts';

/** A request that a remote server got. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly body: Json;
}

/** An answer of a remote server: JSON, or bytes with the headers that they need. */
export interface Answered {
  readonly status: number;
  readonly body: JsonObject | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a remote server answers. */
export type RemoteAnswer = (request: SeenRequest) => Answered | undefined;

/**
 * Another server, as far as a test needs one: it publishes its key, keeps the transactions that it takes, and answers
 * everything else as the test says, or 404.
 */
export class RemoteServer {
  readonly name: ServerName;
  /** What it signs with, and publishes. */
  key: SigningKey;
  /** The TLS certificate that it shows. */
  readonly certificate: Certificate;
  readonly transactions: { pdus: Json[]; edus: Json[] }[] = [];
  readonly seen: SeenRequest[] = [];
  /** Looked at first for every request. */
  answer: RemoteAnswer = () => undefined;
  /** What a request waits for before it is taken and answered. */
  holds: (request: SeenRequest) => Promise<void> | undefined = () => undefined;
  readonly #listener: Server;
  readonly #agent: Agent;
  #wakers: (() => void)[] = [];

  private constructor(listener: Server, certificate: Certificate, authority: TestAuthority) {
    this.name = serverName(`localhost:${(listener.address() as AddressInfo).port}`);
    this.key = SigningKey.fromSeed('ed25519:remote', Buffer.alloc(32, 9));
    this.certificate = certificate;
    this.#listener = listener;
    this.#agent = new Agent({ connect: { ca: authority.certificate } });
  }

  static async start(authority: TestAuthority): Promise<RemoteServer> {
    const certificate = authority.issue('localhost');
    const listener = createServer({ cert: certificate.certificate, key: certificate.key });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const remote = new RemoteServer(listener, certificate, authority);
    listener.on('request', (incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const body: Json = text === '' ? undefined : JSON.parse(text);
        const request = { method: incoming.method ?? '', url: incoming.url ?? '', body };
        const answer = () => {
          const { status, body: answered, headers } = remote.#handle(request);
          response.writeHead(status, { 'content-type': 'application/json', ...headers });
          response.end(Buffer.isBuffer(answered) ? answered : JSON.stringify(answered));
        };
        const held = remote.holds(request);
        if (held) void held.then(answer);
        else answer();
      });
    });
    return remote;
  }

  now(): number {
    return Date.now();
  }

  newId(): string {
    return crypto.randomUUID();
  }

  /** Asks a server something, signed. */
  async ask(
    to: ServerName,
    method: 'GET' | 'PUT' | 'POST',
    uri: string,
    content?: JsonObject,
  ): Promise<{ status: number; body: Json }> {
    const answer = await this.raw(to, method, uri, content);
    return { status: answer.statusCode, body: await answer.body.json() };
  }

  /** Puts something to a process of a server that listens on a port of its own. */
  async askAt(
    port: number,
    to: ServerName,
    uri: string,
    content: JsonObject,
  ): Promise<{ status: number; body: Json }> {
    const answer = await this.raw(to, 'PUT', uri, content, port);
    return { status: answer.statusCode, body: await answer.body.json() };
  }

  /** As `ask`, for answers that are not JSON. `port` is that of the name, unless it is given. */
  raw(
    to: ServerName,
    method: 'GET' | 'HEAD' | 'PUT' | 'POST',
    uri: string,
    content?: JsonObject,
    port = Number(to.slice(to.lastIndexOf(':') + 1)),
  ): Promise<Dispatcher.ResponseData> {
    const signed = { method, uri, origin: this.name, destination: to, content };
    return request(`https://localhost:${port}${uri}`, {
      ...{ method, dispatcher: this.#agent, headers: { authorization: authorizationOf(signed, this.key) } },
      body: content === undefined ? null : canonicalJson(content, { strict: false }),
    });
  }

  /** Sends EDUs in a transaction of their own. */
  async sendEdus(to: ServerName, ...edus: { edu_type: string; content: JsonObject }[]): Promise<void> {
    const body = { origin: this.name, origin_server_ts: this.now(), pdus: [], edus };
    const uri = `/_matrix/federation/v1/send/${this.newId()}`;
    const answer = await this.ask(to, 'PUT', uri, body);
    if (answer.status !== 200) throw new Error(`${to} answered ${answer.status}`);
  }

  /** Waits until what was seen so far fulfils a condition. */
  async until<Found>(found: () => Found | undefined): Promise<Found> {
    for (;;) {
      const result = found();
      if (result !== undefined) return result;
      await new Promise<void>((resolve) => this.#wakers.push(resolve));
    }
  }

  /** Events of all transactions that were taken, in their order. */
  get pdus(): Json[] {
    return this.transactions.flatMap((one) => one.pdus);
  }

  /** EDUs of all transactions that were taken, in their order. */
  get edus(): Json[] {
    return this.transactions.flatMap((one) => one.edus);
  }

  /** Answers nobody any more; it can still ask. */
  refuseConnections(): void {
    this.#listener.closeAllConnections();
    this.#listener.close();
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
    this.#listener.closeAllConnections();
    await new Promise((resolve) => this.#listener.close(resolve));
  }

  #handle(seen: SeenRequest): Answered {
    this.seen.push(seen);
    const answer = this.answer(seen) ?? this.#usual(seen);
    for (const wake of this.#wakers.splice(0)) setImmediate(wake);
    return answer;
  }

  #usual({ url, body }: SeenRequest): Answered {
    if (url.startsWith('/_matrix/key/v2/server')) return { status: 200, body: this.publishedKeys() };
    if (url.startsWith('/_matrix/federation/v1/send/')) {
      this.transactions.push({ pdus: body.pdus, edus: body.edus ?? [] });
      return { status: 200, body: { pdus: {} } };
    }
    return { status: 404, body: { errcode: 'M_UNRECOGNIZED', error: 'This is not there' } };
  }

  /** What it publishes of its keys, signed, with some of it otherwise. */
  publishedKeys(otherwise: JsonObject = {}): JsonObject {
    const keys = {
      server_name: this.name,
      valid_until_ts: Date.now() + 3_600_000,
      verify_keys: { [this.key.keyId]: { key: this.key.publicKey } },
      old_verify_keys: {},
      ...otherwise,
    };
    return signJson(keys, this.name, this.key);
  }
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as after } from 'node:timers/promises';
import type { Json } from '../client/test-client.ts';

/** How a gateway answers: takes it, refuses with a status, or not at all. */
export type GatewayMood = 'accept' | 'silent' | number;

const LONGEST_MS = 60_000;

/** A push gateway over HTTP that keeps what it is told. */
export class PushGateway {
  mood: GatewayMood = 'accept';
  /** Pushkeys that it rejects. */
  readonly rejected = new Set<string>();
  /** Notifications that it took. */
  readonly taken: Json[] = [];
  /** Whole requests that it took, and at which paths. */
  readonly requestsTaken: { path: string; body: Json }[] = [];
  /** Requests that came, whatever became of them. */
  requests = 0;
  /** Requests under way, and the most there were. */
  underWay = 0;
  mostUnderWay = 0;
  readonly #server: Server;
  #wake: () => void = () => undefined;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<PushGateway> {
    const gateway = new PushGateway();
    await once(gateway.#server.listen(0, '127.0.0.1'), 'listening');
    return gateway;
  }

  /** Host and port. */
  get name(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.name}/_matrix/push/v1/notify`;
  }

  /** Event IDs of the notifications that it took, in order. */
  get eventIds(): string[] {
    return this.taken.filter((one) => one.event_id !== undefined).map((one) => one.event_id);
  }

  /** Waits until something holds, looked at after each request. */
  async until(holds: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(LONGEST_MS);
    while (!holds()) {
      if (signal.aborted) throw new Error(`It never held: ${JSON.stringify(this.taken)}`);
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      await Promise.race([woken, after(500)]);
    }
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    response.on('close', () => (this.underWay -= 1));
    const body = JSON.parse(await text(request)) as Json;
    const { notification } = body;
    this.requests += 1;
    if (typeof this.mood === 'number') response.writeHead(this.mood).end('{}');
    else if (this.mood === 'accept') {
      this.taken.push(notification);
      this.requestsTaken.push({ path: request.url ?? '', body });
      const keys = notification.devices.map((device: Json) => device.pushkey);
      const rejected = keys.filter((key: string) => this.rejected.has(key));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ rejected }));
    }
    this.#wake();
  }
}

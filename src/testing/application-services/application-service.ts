import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Json } from '../client/test-client.ts';

/** A request that the application service got. */
export interface Received {
  readonly method: string;
  /** With the query string. */
  readonly path: string;
  readonly token: string | undefined;
  readonly body: Json;
}

type Answer = readonly [status: number, body?: object];

/** A real application service: an HTTP server with a registration file. */
export interface TestAppservice {
  readonly file: string;
  readonly received: readonly Received[];
  /** Says what it answers from now on; 200 to everything by default. */
  answer: (request: Received) => Answer | Promise<Answer>;
  /** Waits until a request came that fits, and gives it. */
  next(fits: (request: Received) => boolean): Promise<Received>;
  /** All events of the transactions that it took, in order, each transaction once. */
  events(): Json[];
  close(): Promise<void>;
}

export const AS_TOKEN = 'token-of-the-application-service';
const HS_TOKEN = 'token-of-the-homeserver';

/** Starts one whose users are called `@_irc_…` and whose aliases are `#_irc_…`. */
export async function startAppservice(more: object = {}): Promise<TestAppservice> {
  const received: Received[] = [];
  const taken = new Map<string, Json>();
  let waiting: (() => void)[] = [];
  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const request: Received = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      token: incoming.headers.authorization,
      body: text === '' ? undefined : JSON.parse(text),
    };
    const [status, body = {}] = await service.answer(request);
    received.push(request);
    const transaction = /\/transactions\/([^?]+)/.exec(request.path)?.[1];
    if (transaction !== undefined && status === 200) taken.set(transaction, request.body);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    for (const look of waiting.splice(0)) look();
  };
  const server = createServer((incoming, response) => void handle(incoming, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const folder = mkdtempSync(join(tmpdir(), 'myelin-appservice-'));
  const registration = {
    id: 'irc',
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    as_token: AS_TOKEN,
    hs_token: HS_TOKEN,
    sender_localpart: 'ircbot',
    namespaces: {
      users: [{ regex: '@_irc_.*', exclusive: true }],
      aliases: [{ regex: '#_irc_.*', exclusive: true }],
      rooms: [],
    },
    rate_limited: false,
    protocols: ['irc'],
    receive_ephemeral: true,
    ...more,
  };
  const file = join(folder, 'irc.yaml');
  writeFileSync(file, stringify(registration));
  const service: TestAppservice = {
    file,
    received,
    answer: () => [200],
    async next(fits) {
      for (;;) {
        const found = received.find(fits);
        if (found) return found;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    events: () => [...taken.values()].flatMap((body) => body.events as Json[]),
    async close() {
      waiting = [];
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      rmSync(folder, { recursive: true });
    },
  };
  return service;
}

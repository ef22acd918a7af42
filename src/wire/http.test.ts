import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { pino } from 'pino';
import { onServers } from '../testing/server/test-server.ts';
import { countRequests, createHttpServer } from './http-server.ts';

onServers('unknown paths and methods are told apart [B003]', async ({ anonymous, person }) => {
  await anonymous().fails(404, 'M_UNRECOGNIZED', 'GET', '/_matrix/client/v3/nothing');
  await anonymous().fails(404, 'M_UNRECOGNIZED', 'GET', '/nothing');
  const answer = await anonymous().ask('DELETE', '/v3/login');
  assert.deepEqual([answer.status, answer.body.errcode], [405, 'M_UNRECOGNIZED']);
  assert.equal(answer.headers.get('allow'), 'GET, HEAD, POST');
  const alice = await person('alice');
  await alice.fails(405, 'M_UNRECOGNIZED', 'POST', '/v3/sync');
});

onServers('every answer may be read by a page of any origin [B004]', async ({ anonymous }) => {
  for (const [method, path, status] of [
    ['OPTIONS', '/_matrix/client/v3/sync', 204],
    ['OPTIONS', '/_matrix/client/v3/nothing', 204],
    ['GET', '/_matrix/client/versions', 200],
    ['GET', '/_matrix/client/v3/sync', 401],
    ['GET', '/_matrix/client/v3/nothing', 404],
    ['POST', '/_matrix/client/v3/login', 400],
  ] as const) {
    const { status: got, headers } = await anonymous().ask(method, path, method === 'POST' ? '{' : undefined);
    assert.equal(got, status, path);
    assert.equal(headers.get('access-control-allow-origin'), '*', path);
    assert.match(headers.get('access-control-allow-headers') ?? '', /Authorization/);
    assert.match(headers.get('access-control-allow-methods') ?? '', /PUT/);
  }
});

onServers('bad bodies of every kind are refused by name [B003]', async ({ person }) => {
  const alice = await person('alice');
  const path = '/v3/createRoom';
  await alice.fails(400, 'M_NOT_JSON', 'POST', path, '{"name":');
  await alice.fails(400, 'M_BAD_JSON', 'POST', path, '[]');
  await alice.fails(400, 'M_BAD_JSON', 'POST', path, '"text"');
  await alice.fails(400, 'M_BAD_JSON', 'POST', path, 'null');
  const wrong = await alice.fails(400, 'M_BAD_JSON', 'POST', path, {
    initial_state: [{ type: 5, content: {} }],
  });
  assert.match(wrong.error, /initial_state\.0\.type/);
  for (const [body, error] of [
    [
      { preset: 'open' },
      '"preset" in the body must be one of "private_chat", "public_chat", "trusted_private_chat"',
    ],
    [{ visibility: 7 }, '"visibility" in the body must be one of "public", "private"'],
    [{ name: 7 }, '"name" in the body must be of type string'],
    [{ invite: ['@a:b', 7] }, '"invite.1" in the body must be of type string'],
  ] as const) {
    assert.equal((await alice.fails(400, 'M_BAD_JSON', 'POST', path, body)).error, error);
  }
  await alice.fails(400, 'M_BAD_JSON', 'POST', path, '{"name":"\\ud800"}');
  await alice.fails(400, 'M_BAD_JSON', 'POST', path, `{"name":${'['.repeat(2_000)}${']'.repeat(2_000)}}`);
  await alice.fails(413, 'M_TOO_LARGE', 'POST', path, { name: 'x'.repeat(1_100_000) });
  await alice.ok('POST', path, '{"__proto__":{"name":"x"},"constructor":1}');
  await alice.ok('POST', path, '');
  const bytes = await fetch(`${alice.base}/_matrix/client${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${alice.token ?? ''}`, 'content-type': 'text/plain' },
    body: Buffer.from([0x22, 0xff, 0x22]),
  });
  assert.deepEqual(
    [bytes.status, ((await bytes.json()) as { errcode: string }).errcode],
    [400, 'M_NOT_JSON'],
  );
});

onServers('path parameters keep their slashes and refuse what cannot be decoded', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  await alice.ok('PUT', alice.room(room, '/state/org.example/a%2Fb%20c'), { n: 1 });
  assert.deepEqual(await alice.ok('GET', alice.room(room, '/state/org.example/a%2Fb%20c')), { n: 1 });
  assert.deepEqual(
    await alice.ok('PUT', alice.room(room, '/state/org.example/'), { n: 2 }).then(() => true),
    true,
  );
  assert.deepEqual(await alice.ok('GET', alice.room(room, '/state/org.example')), { n: 2 });
  const broken = await alice.ask('GET', '/v3/rooms/%E0%A4%A/state');
  assert.deepEqual([broken.status, broken.body.errcode], [400, 'M_INVALID_PARAM']);
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', alice.room(room, '/state/a%00b/'));
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', '/v3/rooms/no-room-id/state');
});

onServers('a path or headers that are too long are refused like everything else [B003]', async (s) => {
  const answer = await s.anonymous().ask('GET', `/_matrix/client/v3/sync?since=${'x'.repeat(20_000)}`);
  assert.deepEqual([answer.status, answer.body.errcode], [431, 'M_TOO_LARGE']);
  assert.equal(answer.headers.get('access-control-allow-origin'), '*');
});

onServers('garbage on the wire is answered or cut, and the server lives [B003]', async ({ anonymous }) => {
  const { hostname, port } = new URL(anonymous().base);
  for (const bytes of [
    '\0\0\0\0\r\n\r\n',
    'GET / HTTP/9\r\n\r\n',
    'POST /_matrix/client/v3/login HTTP/1.1\r\nContent-Length: x\r\n\r\n',
  ]) {
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write(bytes));
      socket.on('data', () => socket.destroy());
      socket.on('error', () => resolve());
      socket.on('close', () => resolve());
    });
  }
  await anonymous().ok('GET', '/_matrix/client/versions');
});

const LIMITED = {
  MYELIN_LIMITS_ENABLED: 'true',
  MYELIN_LIMITS_MESSAGE_PER_SECOND: '0.5',
  MYELIN_LIMITS_MESSAGE_BURST: '3',
};
onServers(
  'who asks too often is told how long to wait [B005]',
  async ({ person }) => {
    const alice = await person('alice');
    const room = await alice.createRoom();
    for (let i = 0; i < 3; i++) await alice.say(room, `m${i}`);
    const answer = await alice.ask('PUT', alice.room(room, '/send/m.room.message/over'), {
      msgtype: 'm.text',
      body: 'x',
    });
    assert.deepEqual([answer.status, answer.body.errcode], [429, 'M_LIMIT_EXCEEDED']);
    assert.ok(answer.body.retry_after_ms > 0 && answer.body.retry_after_ms <= 2_000);
    assert.equal(answer.headers.get('retry-after'), String(Math.ceil(answer.body.retry_after_ms / 1000)));
    await alice.ok('GET', '/v3/account/whoami');
  },
  { env: LIMITED },
);

test('requests under way are counted, preflights among them', async () => {
  const log = pino({ level: 'silent' });
  const app = createHttpServer({ bodyLimit: 65_536, trustProxy: false, connections: 100, log });
  const underWay = countRequests(app);
  const seen: number[] = [];
  app.get('/count', (_request, reply) => {
    seen.push(underWay());
    return reply.send('{}');
  });
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  await fetch(`${base}/count`, { method: 'OPTIONS' });
  await fetch(`${base}/%E0%A4%A`);
  await fetch(`${base}/count`);
  await app.close();
  assert.deepEqual([seen, underWay()], [[1], 0]);
});

test('behind a proxy, its word about the caller counts, not the caller’s own', async () => {
  const log = pino({ level: 'silent' });
  const app = createHttpServer({ bodyLimit: 65_536, trustProxy: true, connections: 100, log });
  app.get('/ip', (request, reply) => reply.send(request.ip));
  const headers = { 'x-forwarded-for': '10.9.9.9, 203.0.113.5' };
  const { body } = await app.inject({ url: '/ip', headers });
  await app.close();
  assert.equal(body, '203.0.113.5');
});

onServers('the first page, health and metrics', async ({ anonymous, person }) => {
  await person('alice');
  const page = await anonymous().ask('GET', '/');
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(page.body, /npx myelin user create/);
  assert.deepEqual(await anonymous().ok('GET', '/health'), { status: 'ok' });
  const metrics = await anonymous().ask('GET', '/metrics');
  assert.match(metrics.body, /myelin_request_seconds_count\{endpoint="register",status="2xx"\} 1/);
  assert.match(metrics.body, /myelin_log_position \d+/);
});

onServers(
  'metrics are for who has the token, where one is set',
  async ({ anonymous }) => {
    const client = anonymous();
    await client.fails(401, 'M_UNAUTHORIZED', 'GET', '/metrics');
    client.token = 'wrong';
    await client.fails(401, 'M_UNAUTHORIZED', 'GET', '/metrics');
    client.token = 'for prometheus';
    assert.match(await client.ok('GET', '/metrics'), /myelin_log_position \d+/);
  },
  { env: { MYELIN_METRICS_TOKEN: 'for prometheus' } },
);

const lines: string[] = [];
const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });

onServers(
  'each request is written down with a name, and without what its query holds',
  async ({ person, anonymous }) => {
    lines.length = 0;
    const alice = await person('alice');
    const token = alice.token ?? '';
    await anonymous().ok('GET', `/v3/sync?access_token=${token}`);
    await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/profile/@nobody:localhost');
    const requests = lines.map((line) => JSON.parse(line)).filter((line) => line.msg === 'request');
    const shown = requests.map(({ method, path, status }) => `${method} ${path} ${status}`);
    assert.deepEqual(shown, [
      'POST /_matrix/client/v3/register 200',
      'GET /_matrix/client/v3/sync 200',
      'GET /_matrix/client/v3/profile/@nobody:localhost 404',
    ]);
    assert.equal(new Set(requests.map(({ reqId }) => reqId)).size, 3);
    assert.ok(!lines.some((line) => line.includes(token) || line.includes('alice password')));
  },
  { overrides: { log } },
);

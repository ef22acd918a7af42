import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onServers } from '../server/test-server.ts';
import { RawClient } from './raw-client.ts';

const SLOW = 200;

onServers(
  'who sends slowly or never ends keeps nobody waiting, not even the stop [B003 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const { hostname, port } = new URL(s.server.url);
    const head = `POST /_matrix/client/v3/createRoom HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${alice.token ?? ''}\r\n`;
    const begins = [
      'GET /_matrix/client/v3/sync HTTP/1.1\r\nHost: x\r\nX-Slow: ',
      `${head}Content-Length: 100\r\n\r\n{"name":`,
      `${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{"nam`,
      '',
    ];
    const sockets: Socket[] = [];
    for (let i = 0; i < SLOW; i++) {
      const socket = connect(Number(port), hostname).on('error', () => {});
      sockets.push(socket);
      await once(socket, 'connect');
      socket.write(begins[i % begins.length] ?? '');
    }
    const begun = performance.now();
    const room = await alice.createRoom();
    await alice.say(room, 'heard at once');
    assert.ok(performance.now() - begun < 5_000);
    for (const socket of sockets) socket.write('x');
    const rooms = (await alice.ok('GET', '/v3/joined_rooms')).joined_rooms;
    assert.deepEqual(rooms, [room]);
    const stopping = performance.now();
    await s.restart();
    assert.ok(performance.now() - stopping < 8_000);
    for (const socket of sockets) socket.destroy();
  },
);

onServers('a chunked body ends where bodies must end, however it comes [B003 partial]', async (s) => {
  const { hostname, port } = new URL(s.server.url);
  const socket = connect(Number(port), hostname).on('error', () => {});
  socket.write('POST /_matrix/client/v3/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  let answer = '';
  socket.on('data', (bytes: Buffer) => (answer += bytes.toString()));
  const closed = once(socket, 'close');
  const limit = setInterval(() => socket.writable && socket.write(chunk), 1);
  await Promise.race([closed, once(socket, 'data')]);
  clearInterval(limit);
  socket.destroy();
  assert.match(answer, /^HTTP\/1\.1 413 /);
});

onServers('each path takes the methods that it has, and says so to others [B003 partial]', async (s) => {
  const nobody = s.anonymous();
  const methods = new Map<string, Set<string>>();
  for (const { method, paths } of s.server.declarations) {
    for (const path of paths) methods.set(path, (methods.get(path) ?? new Set()).add(method));
  }
  for (const [path, known] of methods) {
    const url = path.replace(/:\w+|\*/g, 'x');
    const wrong = ['PATCH', 'DELETE', 'PUT', 'POST', 'GET'].filter((method) => !known.has(method));
    for (const method of wrong.slice(0, 2)) {
      const answer = await nobody.ask(method, url);
      // A path with a parameter may stand for another endpoint's too.
      if (answer.status === 405) {
        const allowed = (answer.headers.get('allow') ?? '').split(', ');
        assert.ok(!allowed.includes(method), `${method} ${url}`);
        assert.equal(answer.body.errcode, 'M_UNRECOGNIZED');
      } else assert.ok([400, 401, 404].includes(answer.status), `${method} ${url}: ${answer.status}`);
    }
  }
});

onServers('after a body that was not read to its end the connection goes on [B003 partial]', async (s) => {
  const client = new RawClient(s.server.url);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const form = { method: 'POST', path: '/_matrix/client/v3/auth/x/fallback/web?session=x', headers };
  for (let i = 0; i < 4; i++) {
    const answer = await client.ask({ ...form, body: 'x'.repeat(1_000_000) }, 5_000);
    assert.equal(answer.status, 413);
    const versions = { method: 'GET', path: '/_matrix/client/versions', headers: {}, body: undefined };
    assert.equal((await client.ask(versions, 5_000)).status, 200);
  }
  client.close();
});

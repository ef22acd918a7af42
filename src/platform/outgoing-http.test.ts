import assert from 'node:assert/strict';
import type { lookup } from 'node:dns';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { OutgoingError, OutgoingHttp, type OutgoingFailure } from './outgoing-http.ts';

const LOOPBACK = ['127.0.0.0/8'];
const LIMITS = { timeoutMs: 2_000, maxBytes: 1_000 };

async function withServer(listener: RequestListener, run: (port: number) => Promise<void>): Promise<void> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    await run((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function failsWith(reason: OutgoingFailure) {
  return (error: unknown) => {
    assert.ok(error instanceof OutgoingError, String(error));
    assert.equal(error.reason, reason);
    return true;
  };
}

test('asks and reads the answer', async () => {
  const http = new OutgoingHttp({ allowedRanges: LOOPBACK });
  await withServer(
    (request, response) => response.writeHead(201, { 'x-method': request.method }).end('hello'),
    async (port) => {
      const answer = await http.request({
        method: 'POST',
        url: `http://127.0.0.1:${port}/`,
        body: '{}',
        ...LIMITS,
      });
      assert.equal(answer.status, 201);
      assert.equal(answer.headers['x-method'], 'POST');
      assert.equal(answer.body.toString(), 'hello');
    },
  );
  await http.close();
});

test('refuses addresses that are not on the open internet, as literals of every spelling', async () => {
  const http = new OutgoingHttp({ allowedRanges: [] });
  const hosts = [
    '127.0.0.1',
    '10.1.2.3',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::127.0.0.1]',
    '[64:ff9b:1::10.0.0.1]',
    '[fe00::1]',
    '0.0.0.0',
    '169.254.169.254',
    '2130706433',
    '0x7f.1',
  ];
  for (const host of hosts) {
    await assert.rejects(
      http.request({ method: 'GET', url: `http://${host}:9/`, ...LIMITS }),
      failsWith('blocked'),
      host,
    );
  }
  await assert.rejects(
    http.request({ method: 'GET', url: 'file:///etc/passwd', ...LIMITS }),
    failsWith('bad-url'),
  );
});

test('connects to the very address that was checked, whatever the name says next', async () => {
  let asked = 0;
  const changing = ((_host: string, _options: object, done: (error: null, found: object[]) => void) => {
    asked += 1;
    done(null, [{ address: asked === 1 ? '203.0.113.1' : '127.0.0.1', family: 4 }]);
  }) as unknown as typeof lookup;
  const http = new OutgoingHttp({ allowedRanges: ['203.0.113.0/24'], lookup: changing });
  let reached = false;
  await withServer(
    (_request, response) => {
      reached = true;
      response.end();
    },
    async (port) => {
      const url = `http://rebinding.test:${port}/`;
      await assert.rejects(http.request({ method: 'GET', url, timeoutMs: 300, maxBytes: 10 }));
      await assert.rejects(
        http.request({ method: 'GET', url, timeoutMs: 300, maxBytes: 10 }),
        failsWith('blocked'),
      );
    },
  );
  assert.equal(reached, false);
});

test('checks where a redirect leads, and follows only so many', async () => {
  const http = new OutgoingHttp({ allowedRanges: LOOPBACK });
  await withServer(
    (request, response) => {
      const [, path] = (request.url ?? '').split('/');
      const target = path === 'inside' ? 'http://10.0.0.1/' : path === 'loop' ? '/loop' : '';
      if (target === '') response.end('there');
      else response.writeHead(302, { location: target }).end();
    },
    async (port) => {
      const ask = (path: string) =>
        http.request({ method: 'GET', url: `http://127.0.0.1:${port}/${path}`, maxRedirects: 3, ...LIMITS });
      await assert.rejects(ask('inside'), failsWith('blocked'));
      assert.equal((await ask('loop')).status, 302);
      assert.equal((await ask('')).body.toString(), 'there');
    },
  );
  await http.close();
});

test('gives up on answers that are too long or too late, and on nobody', async () => {
  const http = new OutgoingHttp({ allowedRanges: LOOPBACK });
  await withServer(
    (request, response) => {
      if (request.url === '/big') response.end(Buffer.alloc(2_000));
      else response.write('begun');
    },
    async (port) => {
      const ask = (path: string, timeoutMs: number) =>
        http.request({ method: 'GET', url: `http://127.0.0.1:${port}${path}`, timeoutMs, maxBytes: 1_000 });
      await assert.rejects(ask('/big', 2_000), failsWith('too-large'));
      await assert.rejects(ask('/slow', 200), failsWith('timeout'));
    },
  );
  await assert.rejects(
    http.request({ method: 'GET', url: 'http://127.0.0.1:1/', ...LIMITS }),
    failsWith('unreachable'),
  );
  await http.close();
});

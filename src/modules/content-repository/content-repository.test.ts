import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { onServers } from '../../testing/server/test-server.ts';
import { TestClient } from '../../testing/client/test-client.ts';
import { eventually, filesIn, get, OLD, send, upload, V1 } from './testing/media-client.ts';

onServers('what is uploaded can be downloaded, by everybody with an account [B042]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const bytes = randomBytes(100_000);
  const uri = await upload(alice, bytes, 'img/png', '?filename=picture.png');
  assert.match(uri, /^localhost\/[A-Za-z0-9_-]+$/);
  for (const path of [
    `${V1}/download/${uri}`,
    '/_matrix/client/unstable/org.matrix.msc3916/media/download/' + uri,
  ]) {
    const got = await get(bob, path);
    assert.equal(got.status, 200);
    assert.ok(got.bytes.equals(bytes));
    assert.equal(got.headers.get('content-type'), 'img/png');
    assert.equal(got.headers.get('content-length'), '100000');
    assert.equal(got.headers.get('content-disposition'), 'attachment; filename="picture.png"');
    assert.equal(got.headers.get('cross-origin-resource-policy'), 'cross-origin');
    assert.match(got.headers.get('content-security-policy') ?? '', /^sandbox; default-src 'none';/);
    assert.equal(got.headers.get('x-content-type-options'), 'nosniff');
    assert.match(got.headers.get('cache-control') ?? '', /private.*immutable/);
  }
  await s.anonymous().fails(401, 'M_MISSING_TOKEN', 'GET', `${V1}/download/${uri}`);
  for (const version of ['v3', 'r0', 'v1']) {
    const got = await get(s.anonymous(), `/_matrix/media/${version}/download/${uri}`);
    assert.ok(got.bytes.equals(bytes), version);
    const named = await get(s.anonymous(), `/_matrix/media/${version}/download/${uri}/other.png`);
    assert.equal(named.headers.get('content-disposition'), 'attachment; filename="other.png"');
  }
  await s.restart();
  const after = new TestClient(s.server.url, alice.token);
  assert.ok((await get(after, `${V1}/download/${uri}`)).bytes.equals(bytes));
});

onServers('one content is kept once, and nothing is left of uploads that failed', async (s) => {
  const alice = await s.person('alice');
  const bytes = randomBytes(5_000);
  const first = await upload(alice, bytes, 'text/plain');
  const second = await upload(alice, bytes, 'image/png');
  assert.notEqual(first, second);
  assert.equal(filesIn(join(s.place.dataDir, 'media')).length, 1);
  const { port, hostname } = new URL(s.server.url);
  const socket = connect(Number(port), hostname);
  socket.write(`POST ${OLD}/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${alice.token ?? ''}\r\n`);
  socket.write('Content-Length: 1000000\r\n\r\n');
  socket.write(randomBytes(200_000));
  await eventually(() => filesIn(join(s.place.dataDir, 'media')).length === 2);
  socket.destroy();
  await eventually(() => filesIn(join(s.place.dataDir, 'media')).length === 1);
});

onServers('who goes away in the middle of a download leaves no file open', async (s) => {
  if (process.platform !== 'linux') return;
  const alice = await s.person('alice');
  const uri = await upload(alice, randomBytes(20_000_000), 'video/mp4');
  const folder = join(s.place.dataDir, 'media', 'content');
  const open = () => openFiles().filter((path) => path.startsWith(folder)).length;
  const { port, hostname } = new URL(s.server.url);
  const sockets = Array.from({ length: 4 }, () => connect(Number(port), hostname));
  for (const socket of sockets) {
    socket.pause();
    // Two requests at once: the answer to the second waits behind the first, and never gets to be sent.
    const ask = `GET ${OLD}/download/${uri} HTTP/1.1\r\nHost: x\r\n\r\n`;
    socket.write(ask + ask);
  }
  await eventually(() => open() >= 4);
  for (const socket of sockets) socket.destroy();
  await eventually(() => open() === 0);
});

/** Files that this process has open. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

onServers('ranges, tags and questions for the headers alone', async (s) => {
  const alice = await s.person('alice');
  const bytes = randomBytes(10_000);
  const path = `${V1}/download/${await upload(alice, bytes, 'video/mp4')}`;
  const range = (text: string, more = {}) => get(alice, path, { range: text, ...more });
  for (const [text, start, end] of [
    ['bytes=0-0', 0, 0],
    ['bytes=100-199', 100, 199],
    ['bytes=9990-', 9990, 9999],
    ['bytes=9990-20000', 9990, 9999],
    ['bytes=-10', 9990, 9999],
    ['bytes=-20000', 0, 9999],
  ] as const) {
    const got = await range(text);
    assert.equal(got.status, 206, text);
    assert.equal(got.headers.get('content-range'), `bytes ${start}-${end}/10000`);
    assert.ok(got.bytes.equals(bytes.subarray(start, end + 1)), text);
  }
  for (const text of ['bytes=10000-', 'bytes=-0']) assert.equal((await range(text)).status, 416, text);
  for (const text of ['bytes=5-2', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=-']) {
    assert.ok((await range(text)).bytes.equals(bytes), text);
  }
  const tag = (await range('bytes=0-0')).headers.get('etag') ?? '';
  assert.equal((await range('bytes=0-1', { 'if-range': tag })).status, 206);
  assert.equal((await range('bytes=0-1', { 'if-range': '"other"' })).status, 200);
  const unchanged = await get(alice, path, { 'if-none-match': `"x", ${tag}` });
  assert.deepEqual([unchanged.status, unchanged.bytes.length], [304, 0]);
  assert.equal(unchanged.headers.get('content-type'), 'video/mp4');
  assert.equal(unchanged.headers.get('content-length'), null);
  for (const wanted of [undefined, { range: 'bytes=0-9' }]) {
    const head = await get(alice, path, wanted, 'HEAD');
    assert.deepEqual([head.status, head.headers.get('content-length'), head.bytes.length], [200, '10000', 0]);
  }
});

onServers('files keep their names, in every script [B042 partial]', async (s) => {
  const alice = await s.person('alice');
  const disposition = async (uri: string, name = '') =>
    (await get(alice, `${V1}/download/${uri}${name}`)).headers.get('content-disposition');
  for (const [name, expected] of [
    ['ascii', 'filename="ascii"'],
    ['name with spaces', 'filename="name with spaces"'],
    ['name;with;semicolons', 'filename="name;with;semicolons"'],
    ['a "quoted" \\ name', 'filename="a \\"quoted\\" \\\\ name"'],
    ['🐔', "filename*=utf-8''%F0%9F%90%94"],
    ['line\r\nbreak', "filename*=utf-8''line%0D%0Abreak"],
  ] as const) {
    const uri = await upload(alice, Buffer.from(name), 'image/png', `?filename=${encodeURIComponent(name)}`);
    assert.equal(await disposition(uri), `inline; ${expected}`);
  }
  const plain = await upload(alice, Buffer.from('x'), 'Text/Plain; charset=utf-8');
  assert.equal(await disposition(plain), 'inline');
  assert.equal(await disposition(plain, '/%E2%98%95'), "inline; filename*=utf-8''%E2%98%95");
  const svg = await upload(alice, Buffer.from('<svg/>'), 'image/svg');
  assert.equal(await disposition(svg), 'attachment');
  const page = await upload(alice, Buffer.from('<script>alert(1)</script>'), 'text/html');
  assert.equal(await disposition(page), 'attachment');
  const nameless = await upload(alice, Buffer.from('x'), 'no type at all');
  assert.equal(
    (await get(alice, `${V1}/download/${nameless}`)).headers.get('content-type'),
    'application/octet-stream',
  );
});

/** Uploads without saying beforehand how much; gives the status. */
async function sendInChunks(client: TestClient, bytes: Buffer): Promise<number> {
  const init = {
    method: 'POST',
    headers: { authorization: `Bearer ${client.token ?? ''}` },
    body: new Blob([new Uint8Array(bytes)]).stream(),
    duplex: 'half',
  };
  return (await fetch(`${client.base}${OLD}/upload`, init as RequestInit)).status;
}

onServers(
  'too large files and too many are refused, whatever the sender says of them',
  async (s) => {
    const alice = await s.person('alice');
    assert.deepEqual(await alice.ok('GET', `${V1}/config`), { 'm.upload.size': 700_000 });
    assert.deepEqual(await alice.ok('GET', `${OLD}/config`), { 'm.upload.size': 700_000 });
    await s.anonymous().fails(401, 'M_MISSING_TOKEN', 'GET', `${OLD}/config`);
    const refused = await send(alice, 'POST', `${OLD}/upload`, randomBytes(700_001));
    assert.deepEqual([refused.status, refused.body.errcode], [413, 'M_TOO_LARGE']);
    assert.equal(await sendInChunks(alice, randomBytes(700_001)), 413);
    await upload(alice, randomBytes(700_000), 'text/plain');
    const full = await send(alice, 'POST', `${OLD}/upload`, randomBytes(400_000));
    assert.deepEqual([full.status, full.body.errcode], [403, 'M_FORBIDDEN']);
    assert.equal(await sendInChunks(alice, randomBytes(400_000)), 403);
    assert.equal(filesIn(join(s.place.dataDir, 'media')).length, 1);
    for (let i = 0; i < 85; i++) await upload(alice, Buffer.alloc(0), 'text/plain');
    const many = await send(alice, 'POST', `${OLD}/upload`, Buffer.alloc(0));
    assert.deepEqual([many.status, many.body.errcode], [403, 'M_FORBIDDEN']);
    await upload(await s.person('bob'), randomBytes(100), 'text/plain');
    assert.equal(filesIn(join(s.place.dataDir, 'media', 'incoming')).length, 0);
  },
  { env: { MYELIN_MEDIA_MAX_UPLOAD_BYTES: '700000', MYELIN_MEDIA_USER_QUOTA_MIB: '1' } },
);

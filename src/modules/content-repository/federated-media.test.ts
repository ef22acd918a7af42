import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import sharp from 'sharp';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import { type Answered } from '../../testing/federation/remote-server.ts';
import type { Json, TestClient } from '../../testing/client/test-client.ts';
import { boundaryOf, readMediaPart } from './multipart-media.ts';

async function upload(client: TestClient, bytes: Buffer, type: string, name: string): Promise<string> {
  const answer = await fetch(`${client.base}/_matrix/media/v3/upload?filename=${name}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.token}`, 'content-type': type },
    body: new Uint8Array(bytes),
  });
  const { content_uri: uri } = (await answer.json()) as { content_uri: string };
  return uri.slice('mxc://'.length);
}

const get = (client: TestClient, path: string) =>
  fetch(`${client.base}/_matrix/client/v1/media/${path}`, {
    headers: { authorization: `Bearer ${client.token}` },
  });

async function bytesOf(answer: Response): Promise<Buffer> {
  return Buffer.from(await answer.arrayBuffer());
}

const people = async (a: FederatingServer, b: FederatingServer) =>
  [await a.person('alice'), await b.person('bob')] as const;

onFederation(
  'files of other servers are fetched, kept, and there when their server is gone [B112]',
  async ({ a, b, startRemote }) => {
    const [alice, bob] = await people(a, b);
    const file = randomBytes(3_000_000);
    const at = await upload(bob, file, 'application/x-thing', 'thing.bin');
    const first = await get(alice, `download/${at}`);
    assert.equal(first.status, 200);
    assert.equal(first.headers.get('content-type'), 'application/x-thing');
    assert.match(first.headers.get('content-disposition') ?? '', /filename="thing.bin"/);
    assert.deepEqual(await bytesOf(first), file);
    const picture = await sharp({ create: { width: 900, height: 600, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const shown = await upload(bob, picture, 'image/png', 'red.png');
    const small = await get(alice, `thumbnail/${shown}?width=96&height=96&method=crop`);
    assert.equal(small.status, 200);
    assert.equal((await sharp(await bytesOf(small)).metadata()).width, 96);
    assert.equal((await get(alice, `download/${b.name}/${'x'.repeat(24)}`)).status, 404);

    const remote = await startRemote();
    const [, mediaId = ''] = shown.split(/\/(?=[^/]*$)/);
    const path = `/_matrix/federation/v1/media/thumbnail/${mediaId}?width=96&height=96&method=crop`;
    const refused = await fetch(b.server.url + path);
    assert.equal(refused.status, 401, 'for servers only');
    const answer = await remote.raw(b.name, 'GET', path);
    const part = await readMediaPart(answer.body, boundaryOf(String(answer.headers['content-type'])) ?? '');
    const pieces: Buffer[] = [];
    for await (const piece of part.content) pieces.push(piece as Buffer);
    assert.equal((await sharp(Buffer.concat(pieces)).metadata()).width, 96);
    await b.stop();
    assert.deepEqual(await bytesOf(await get(alice, `download/${at}`)), file);
  },
);

onFederation(
  'files of old servers come by the path that they have, and what is no answer is an error [B112] [A078 partial]',
  async ({ a, startRemote }) => {
    const alice = await a.person('alice');
    const remote = await startRemote();
    remote.answer = ({ url }) => {
      if (url.startsWith(`/_matrix/media/v3/download/${remote.name}/old?`)) {
        assert.match(url, /allow_remote=false/);
        return { status: 200, body: { the: 'file' } };
      }
      if (url.includes('/oldest')) {
        if (url.startsWith(`/_matrix/media/v1/download/${remote.name}/oldest`)) {
          return { status: 200, body: { from: '2015' } };
        }
        return { status: 400, body: { errcode: 'M_UNRECOGNIZED', error: 'Unrecognized request' } };
      }
      return url.includes('/media/download/broken') ? { status: 200, body: {} } : undefined;
    };
    const answer = await get(alice, `download/${remote.name}/old`);
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), { the: 'file' });
    const oldest = await get(alice, `download/${remote.name}/oldest`);
    assert.deepEqual(await oldest.json(), { from: '2015' });
    assert.equal((await get(alice, `download/${remote.name}/broken`)).status, 502);
    assert.equal((await get(alice, `download/${remote.name}/gone`)).status, 404);
    assert.equal((await get(alice, 'download/localhost:1/x')).status, 502);
  },
  { servers: 1 },
);

/** An answer of two parts: `{}`, and what is given. */
function inParts(headers: Readonly<Record<string, string>>, file: string | Buffer): Answered {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const body = Buffer.concat([
    Buffer.from(`--edge\r\nContent-Type: application/json\r\n\r\n{}\r\n--edge\r\n${lines.join('')}\r\n`),
    Buffer.from(file),
    Buffer.from('\r\n--edge--\r\n'),
  ]);
  return { status: 200, body, headers: { 'content-type': 'multipart/mixed; boundary=edge' } };
}

onFederation(
  'a file is given to servers as two parts: what is known of it, which is nothing, and itself, or why it is not there ' +
    '[B112]',
  async ({ a, b, startRemote }) => {
    const [alice, bob] = await people(a, b);
    const file = randomBytes(100_000);
    const idOf = (at: string) => at.slice(at.lastIndexOf('/') + 1);
    const at = await upload(bob, file, 'image/png', 'a.png');
    const remote = await startRemote();
    const base = '/_matrix/federation/v1/media';
    const answer = await remote.raw(b.name, 'GET', `${base}/download/${idOf(at)}`);
    const type = String(answer.headers['content-type']);
    const edge = boundaryOf(type) ?? '';
    assert.equal(type, `multipart/mixed; boundary=${edge}`);
    const whole = Buffer.from(await answer.body.arrayBuffer());
    const start = whole.indexOf(file);
    assert.deepEqual(whole.subarray(0, start).toString().split('\r\n'), [
      ...[`--${edge}`, 'Content-Type: application/json', '', '{}', `--${edge}`],
      ...['Content-Type: image/png', 'Content-Disposition: inline; filename="a.png"', '', ''],
    ]);
    assert.equal(whole.subarray(start + file.length).toString(), `\r\n--${edge}--\r\n`);
    const refusal = async (path: string) => {
      const { status, body } = await remote.ask(b.name, 'GET', `${base}/${path}`);
      return [status, body.errcode];
    };
    const size = 'width=32&height=32';
    assert.deepEqual(await refusal('download/none'), [404, 'M_NOT_FOUND']);
    assert.deepEqual(await refusal(`thumbnail/${idOf(at)}?${size}`), [400, 'M_UNKNOWN']);
    assert.deepEqual(await refusal(`thumbnail/${idOf(at)}?width=-1&height=9`), [400, 'M_INVALID_PARAM']);
    const made = await bob.ok('POST', '/_matrix/media/v1/create', {});
    const empty = String(made.content_uri).slice('mxc://'.length);
    const notYet = [504, 'M_NOT_YET_UPLOADED'];
    assert.deepEqual(await refusal(`download/${idOf(empty)}?timeout_ms=0`), notYet);
    assert.deepEqual(await refusal(`thumbnail/${idOf(empty)}?timeout_ms=0&${size}`), notYet);
    const late = await get(alice, `download/${empty}?timeout_ms=0`);
    assert.deepEqual([late.status, ((await late.json()) as Json).errcode], notYet);
    assert.deepEqual(await bytesOf(await get(alice, `download/${at}`)), file, 'the server is asked on');
  },
);

onFederation(
  'an answer may say where the file is: it is fetched there each time that it is needed, within limits [B112]',
  async ({ a, startRemote }) => {
    const alice = await a.person('alice');
    const remote = await startRemote();
    const elsewhere = (path: string) => `https://${remote.name}/${path}`;
    const answers: Record<string, Answered> = {
      '/store/file': {
        status: 200,
        body: Buffer.from('the file'),
        headers: { 'content-type': 'text/plain', 'content-disposition': 'attachment; filename="f.txt"' },
      },
      '/store/moved': { status: 302, body: {}, headers: { location: '/store/file' } },
      '/store/circle': { status: 302, body: {}, headers: { location: '/store/circle' } },
      '/store/large': { status: 200, body: Buffer.alloc(70_000) },
    };
    const points: Record<string, string> = {
      file: elsewhere('store/file'),
      moved: elsewhere('store/moved'),
      circle: elsewhere('store/circle'),
      large: elsewhere('store/large'),
      expired: elsewhere('store/gone'),
      inside: 'http://10.0.0.1/secret',
      local: 'file:///etc/passwd',
    };
    remote.answer = ({ url }) => {
      const id = /media\/download\/(\w+)\?/.exec(url)?.[1] ?? '';
      if (id === 'big') return inParts({ 'Content-Type': 'image/png' }, Buffer.alloc(70_000));
      const error = { errcode: 'M_TOO_LARGE', error: 'Too large to serve' };
      if (id === 'huge') return { status: 502, body: error };
      const to = points[id];
      return to === undefined ? answers[url] : inParts({ Location: to }, '');
    };
    for (const id of ['file', 'moved']) {
      const got = await get(alice, `download/${remote.name}/${id}`);
      assert.equal(got.status, 200, id);
      assert.match(got.headers.get('content-type') ?? '', /^text\/plain/);
      assert.match(got.headers.get('content-disposition') ?? '', /filename="f.txt"/);
      assert.equal(await got.text(), 'the file');
    }
    for (const id of ['circle', 'expired', 'inside', 'local', 'large', 'big', 'huge']) {
      const got = await get(alice, `download/${remote.name}/${id}`);
      const isLarge = ['large', 'big', 'huge'].includes(id);
      const { errcode } = (await got.json()) as Json;
      assert.deepEqual([got.status, errcode], [502, isLarge ? 'M_TOO_LARGE' : 'M_UNKNOWN'], id);
    }
    answers['/store/gone'] = { status: 200, body: Buffer.from('again'), headers: {} };
    const again = await get(alice, `download/${remote.name}/expired`);
    assert.equal(await again.text(), 'again', 'an address is asked for anew');
  },
  { servers: 1, env: { MYELIN_MEDIA_MAX_UPLOAD_BYTES: '65536' } },
);

void test('parts of an answer are found wherever its pieces are cut', async () => {
  const file = Buffer.from('one\r\n--boundar\r\n--two\r\n');
  const whole = Buffer.concat([
    Buffer.from(
      'preamble\r\n--boundary\r\nContent-Type: application/json\r\n\r\n{}\r\n--boundary\r\nA: b\r\nC:d\r\n\r\n',
    ),
    file,
    Buffer.from('\r\n--boundary--\r\n'),
  ]);
  for (let size = 1; size < whole.length; size += 3) {
    const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, i) =>
      whole.subarray(i * size, (i + 1) * size),
    );
    const part = await readMediaPart(Readable.from(pieces), 'boundary');
    assert.deepEqual(part.headers, { a: 'b', c: 'd' });
    const got: Buffer[] = [];
    for await (const piece of part.content) got.push(piece as Buffer);
    assert.deepEqual(Buffer.concat(got), file);
  }
  const cut = await readMediaPart(Readable.from([whole.subarray(0, -20)]), 'boundary');
  await assert.rejects(cut.content.toArray(), /ended/);
  assert.equal(boundaryOf('multipart/mixed; boundary="a b"'), 'a b');
  assert.equal(boundaryOf('multipart/mixed;charset=x; boundary=ab'), 'ab');
  assert.equal(boundaryOf('text/plain'), undefined);
});

onFederation(
  'a server that asks for the head of a file leaves no file open',
  async ({ a, startRemote }) => {
    const alice = await a.person('alice');
    const remote = await startRemote();
    const uri = await upload(alice, randomBytes(200_000), 'application/x-thing', 'thing.bin');
    const path = `/_matrix/federation/v1/media/download/${uri.slice(uri.lastIndexOf('/') + 1)}`;
    const { mediaReads } = a.server.services;
    const opened: Readable[] = [];
    const open = mediaReads.open.bind(mediaReads);
    mediaReads.open = async (...wanted) => {
      const content = await open(...wanted);
      opened.push(content);
      return content;
    };
    const answer = await remote.raw(a.name, 'HEAD', path);
    assert.equal(answer.statusCode, 200);
    await answer.body.dump();
    const [content] = opened;
    assert.ok(content && opened.length === 1);
    if (!content.closed) await once(content, 'close', { signal: AbortSignal.timeout(5_000) });
  },
  { servers: 1 },
);

onFederation(
  'files that a server gives in a form that is none leave the connections to it free',
  async ({ a, startRemote }) => {
    const alice = await a.person('alice');
    const remote = await startRemote();
    const type = 'multipart/mixed; boundary=e';
    remote.answer = ({ url }) => {
      if (url.includes('/query/profile')) return { status: 200, body: { displayname: 'Rob' } };
      return url.includes('/media/download/')
        ? { status: 200, body: Buffer.alloc(5_000_000, 'x'), headers: { 'content-type': type } }
        : undefined;
    };
    const files = Array.from({ length: 6 }, (_, i) => get(alice, `download/${remote.name}/abc${i}`));
    for (const answer of await Promise.all(files)) assert.equal(answer.status, 502);
    const profile = await alice.ask('GET', `/v3/profile/@rob:${remote.name}`);
    assert.deepEqual([profile.status, profile.body], [200, { displayname: 'Rob' }]);
  },
  { servers: 1 },
);

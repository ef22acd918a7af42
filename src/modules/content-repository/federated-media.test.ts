import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import sharp from 'sharp';
import { onFederation, type FederatingServer } from '../../testing/federation.ts';
import { RemoteServer } from '../../testing/remote-server.ts';
import type { TestClient } from '../../testing/test-client.ts';
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
  'files of other servers are fetched, kept, and there when their server is gone [B112 partial]',
  async ({ a, b, authority }) => {
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

    const remote = await RemoteServer.start(authority);
    try {
      const [, mediaId = ''] = shown.split(/\/(?=[^/]*$)/);
      const path = `/_matrix/federation/v1/media/thumbnail/${mediaId}?width=96&height=96&method=crop`;
      const refused = await fetch(b.server.url + path);
      assert.equal(refused.status, 401, 'for servers only');
      const answer = await remote.raw(b.name, 'GET', path);
      const part = await readMediaPart(answer.body, boundaryOf(String(answer.headers['content-type'])) ?? '');
      const pieces: Buffer[] = [];
      for await (const piece of part.content) pieces.push(piece as Buffer);
      assert.equal((await sharp(Buffer.concat(pieces)).metadata()).width, 96);
    } finally {
      await remote.close();
    }
    await b.stop();
    assert.deepEqual(await bytesOf(await get(alice, `download/${at}`)), file);
  },
);

onFederation(
  'files of old servers come by the path that they have, and what is no answer is an error',
  async ({ a, authority }) => {
    const alice = await a.person('alice');
    const remote = await RemoteServer.start(authority);
    try {
      remote.answer = ({ url }) => {
        if (url.startsWith(`/_matrix/media/v3/download/${remote.name}/old?`)) {
          assert.match(url, /allow_remote=false/);
          return { status: 200, body: { the: 'file' } };
        }
        return url.includes('/media/download/broken') ? { status: 200, body: {} } : undefined;
      };
      const answer = await get(alice, `download/${remote.name}/old`);
      assert.equal(answer.status, 200);
      assert.deepEqual(await answer.json(), { the: 'file' });
      assert.equal((await get(alice, `download/${remote.name}/broken`)).status, 502);
      assert.equal((await get(alice, `download/${remote.name}/gone`)).status, 404);
      assert.equal((await get(alice, 'download/localhost:1/x')).status, 502);
    } finally {
      await remote.close();
    }
  },
  { servers: 1 },
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

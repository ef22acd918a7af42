import assert from 'node:assert/strict';
import { join } from 'node:path';
import sharp from 'sharp';
import { onServers } from '../../testing/server/test-server.ts';
import type { TestClient } from '../../testing/client/test-client.ts';
import { filesIn, get, OLD, upload, V1 } from './testing/media-client.ts';

/** A picture whose left half is red and whose right half is blue. */
function picture(width: number, height: number, channels: 3 | 4 = 3) {
  const half = {
    width: Math.floor(width / 2) || 1,
    height,
    channels,
    background: { r: 0, g: 0, b: 255, alpha: 1 },
  };
  return sharp({
    create: { width, height, channels, background: { r: 255, g: 0, b: 0, alpha: 1 } },
  }).composite([{ input: { create: half }, left: Math.ceil(width / 2), top: 0 }]);
}

/** A moving picture of three frames. */
async function moving(width: number, height: number) {
  const frames = ['red', 'green', 'blue'].map((background) =>
    sharp({ create: { width, height, channels: 4, background } })
      .png()
      .toBuffer(),
  );
  return sharp(await Promise.all(frames), { join: { animated: true } });
}

async function thumbnail(client: TestClient, uri: string, query: string) {
  const got = await get(client, `${V1}/thumbnail/${uri}?${query}`);
  const about = got.status === 200 ? await sharp(got.bytes, { animated: true }).metadata() : undefined;
  const height = about?.pageHeight ?? about?.height;
  const size = about ? `${about.width}x${height ?? 0}` : '';
  return { ...got, size, pages: about?.pages ?? 1, type: got.headers.get('content-type') };
}

onServers(
  'thumbnails are at least as large as wished, and never larger than the picture [B042 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bytes = await picture(2000, 1000).jpeg().toBuffer();
    const uri = await upload(alice, bytes, 'image/jpeg');
    for (const [query, size] of [
      ['width=32&height=32&method=crop', '32x32'],
      ['width=33&height=20&method=crop', '96x54'],
      ['width=320&height=240&method=crop', '320x240'],
      ['width=600&height=100&method=crop', '640x320'],
      ['width=320&height=240&method=scale', '320x160'],
      ['width=321&height=1', '640x320'],
      ['width=800&height=600&method=scale&animated=true', '800x400'],
      ['width=5000&height=5000&method=scale', '2000x1000'],
      ['width=5000&height=5000&method=crop', '2000x1000'],
    ] as const) {
      const got = await thumbnail(alice, uri, query);
      assert.deepEqual([got.status, got.size, got.type], [200, size, 'image/jpeg'], query);
      assert.equal(got.headers.get('content-disposition'), 'inline; filename="thumbnail.jpeg"');
      assert.equal(got.headers.get('cross-origin-resource-policy'), 'cross-origin');
    }
    const old = await get(s.anonymous(), `${OLD}/thumbnail/${uri}?width=32&height=32&method=scale`);
    assert.equal(old.status, 200);
    await s.anonymous().fails(401, 'M_MISSING_TOKEN', 'GET', `${V1}/thumbnail/${uri}?width=1&height=1`);
    const small = await picture(50, 20, 4).png().toBuffer();
    const smallUri = await upload(alice, small, 'application/octet-stream');
    const got = await thumbnail(alice, smallUri, 'width=96&height=96&method=scale');
    assert.ok(got.bytes.equals(small), 'what is smaller than wished is given as it is');
    assert.equal(got.type, 'image/png');
  },
);

onServers('thumbnails of every kind of picture, made once', async (s) => {
  const alice = await s.person('alice');
  const large = picture(700, 700);
  for (const [name, bytes] of [
    ['png', await large.clone().png().toBuffer()],
    ['jpeg', await large.clone().jpeg().toBuffer()],
    ['gif', await large.clone().gif().toBuffer()],
    ['webp', await large.clone().webp().toBuffer()],
    ['avif', await large.clone().avif({ effort: 0 }).toBuffer()],
  ] as const) {
    const uri = await upload(alice, bytes, `image/${name}`);
    const all = await Promise.all(
      Array.from({ length: 8 }, () => thumbnail(alice, uri, 'width=96&height=96&method=crop')),
    );
    const before = filesIn(join(s.place.dataDir, 'media', 'thumbnail')).length;
    for (const { status, size, bytes: made } of [
      ...all,
      await thumbnail(alice, uri, 'width=90&height=90&method=crop'),
    ]) {
      assert.deepEqual([status, size], [200, '96x96'], name);
      assert.ok(all[0]?.bytes.equals(made));
    }
    assert.equal(filesIn(join(s.place.dataDir, 'media', 'thumbnail')).length, before);
  }
  const turned = await picture(400, 200).jpeg().withMetadata({ orientation: 6 }).toBuffer();
  const uri = await upload(alice, turned, 'image/jpeg');
  assert.equal((await thumbnail(alice, uri, 'width=96&height=96&method=scale')).size, '48x96');
});

onServers('thumbnails move only if that is wished [B042 partial]', async (s) => {
  const alice = await s.person('alice');
  const frames = await moving(200, 100);
  for (const bytes of [await frames.clone().webp().toBuffer(), await frames.clone().gif().toBuffer()]) {
    const uri = await upload(alice, bytes, 'image/gif');
    const size = 'width=96&height=96&method=scale';
    const move = await thumbnail(alice, uri, `${size}&animated=true`);
    assert.deepEqual([move.status, move.type, move.size, move.pages], [200, 'image/webp', '96x48', 3]);
    for (const query of [size, `${size}&animated=false`]) {
      const still = await thumbnail(alice, uri, query);
      assert.deepEqual([still.status, still.size, still.pages], [200, '96x48', 1]);
    }
    const whole = 'width=320&height=240&method=scale';
    assert.ok((await thumbnail(alice, uri, `${whole}&animated=true`)).bytes.equals(bytes));
    const still = await thumbnail(alice, uri, whole);
    assert.deepEqual([still.status, still.size, still.pages], [200, '200x100', 1]);
  }
  const photo = await upload(alice, await picture(200, 100).jpeg().toBuffer(), 'image/jpeg');
  assert.equal((await thumbnail(alice, photo, 'width=96&height=96&animated=true')).type, 'image/jpeg');
});

onServers(
  'what is no picture, broken or huge gets no thumbnail',
  async (s) => {
    const alice = await s.person('alice');
    const whole = await picture(300, 300).png().toBuffer();
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"/>');
    const disguised = Buffer.concat([Buffer.from('GIF89a'), svg]);
    for (const bytes of [Buffer.from('text'), Buffer.alloc(0), svg, disguised, whole.subarray(0, 200)]) {
      const uri = await upload(alice, bytes, 'image/png');
      await alice.fails(400, 'M_UNKNOWN', 'GET', `${V1}/thumbnail/${uri}?width=32&height=32&method=scale`);
    }
    const bomb = Buffer.from(whole);
    bomb.writeUInt32BE(60_000, 16);
    bomb.writeUInt32BE(60_000, 20);
    const uri = await upload(alice, await picture(1001, 1000).png().toBuffer(), 'image/png');
    await alice.fails(413, 'M_TOO_LARGE', 'GET', `${V1}/thumbnail/${uri}?width=32&height=32`);
    const lying = await upload(alice, bomb, 'image/png');
    const answer = await alice.ask('GET', `${V1}/thumbnail/${lying}?width=32&height=32`);
    assert.ok([400, 413].includes(answer.status), String(answer.status));
    for (const query of [
      '',
      'width=32',
      'width=0&height=5',
      'width=-1&height=5',
      'width=1.5&height=5',
      'width=a&height=5',
    ]) {
      const wrong = await alice.ask('GET', `${V1}/thumbnail/${uri}?${query}`);
      assert.equal(wrong.status, 400, query);
    }
    await alice.fails(404, 'M_NOT_FOUND', 'GET', `${V1}/thumbnail/localhost/none?width=32&height=32`);
    assert.equal(filesIn(join(s.place.dataDir, 'media', 'incoming')).length, 0);
  },
  { env: { MYELIN_MEDIA_MAX_IMAGE_PIXELS: '1000000' } },
);

import assert from 'node:assert/strict';
import sharp from 'sharp';
import type { Person } from '../person.ts';
import type { Scenario } from '../scene.ts';

const SIDE = 200;

const download: Scenario = {
  feature: 'media: download, thumbnail',
  async run(scene) {
    const [alice, bob] = [await scene.home.person('alice'), await scene.away.person('bob')];
    const picture = await greenPicture();
    const [server, id] = await upload(alice, picture);
    const whole = await get(bob, `/v1/media/download/${server}/${id}`);
    assert.equal(whole.headers.get('content-type'), 'image/png');
    assert.deepEqual(Buffer.from(await whole.arrayBuffer()), picture);
    const small = await get(bob, `/v1/media/thumbnail/${server}/${id}?width=32&height=32&method=crop`);
    const { width, height } = await sharp(Buffer.from(await small.arrayBuffer())).metadata();
    assert.ok(width <= SIDE && height <= SIDE && width > 0, `${width} × ${height}`);
    const missing = await bob.ask('GET', `/v1/media/download/${server}/doesnotexist`);
    assert.equal(missing.status, 404);
  },
};

const fileName: Scenario = {
  feature: 'media: file name',
  async run(scene) {
    const [alice, bob] = [await scene.home.person('alice'), await scene.away.person('bob')];
    const [server, id] = await upload(alice, await greenPicture());
    const { headers } = await get(bob, `/v1/media/download/${server}/${id}`);
    assert.match(headers.get('content-disposition') ?? '', /garden\.png/);
  },
};

function greenPicture(): Promise<Buffer> {
  return sharp({
    create: { width: SIDE, height: SIDE, channels: 3, background: '#3a7d44' },
  })
    .png()
    .toBuffer();
}

async function upload(person: Person, bytes: Buffer): Promise<[string, string]> {
  const response = await fetch(`${person.base}/_matrix/media/v3/upload?filename=garden.png`, {
    method: 'POST',
    headers: { authorization: `Bearer ${person.token ?? ''}`, 'content-type': 'image/png' },
    body: new Uint8Array(bytes),
  });
  const { content_uri: uri } = (await response.json()) as { content_uri: string };
  const [server = '', id = ''] = uri.slice('mxc://'.length).split('/');
  return [server, id];
}

async function get(person: Person, path: string): Promise<Response> {
  const headers = { authorization: `Bearer ${person.token ?? ''}` };
  const response = await fetch(`${person.base}/_matrix/client${path}`, { headers });
  assert.equal(response.status, 200, `${path}: ${response.status}`);
  return response;
}

export const media = [download, fileName];

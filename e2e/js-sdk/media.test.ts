import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MatrixClient } from 'matrix-js-sdk';
import sharp from 'sharp';
import { onBothEngines } from '../../src/testing/server/engines.ts';
import { ServerProcess } from '../server-process.ts';
import { open, register } from './person.ts';

onBothEngines(
  'with matrix-js-sdk one sends a picture, the other sees it, and a preview of a page [B042 partial]',
  async (place) => {
    const server = await ServerProcess.start({ ...place.env, MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8' });
    const clients: MatrixClient[] = [];
    const page = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>A page</title>');
    });
    try {
      const alice = await open(server.url, await register(server.url, 'alice'));
      const bob = await open(server.url, await register(server.url, 'bob'));
      clients.push(alice, bob);
      const picture = sharp({ create: { width: 400, height: 300, channels: 3, background: 'teal' } });
      const bytes = await picture.png().toBuffer();
      const file = new Blob([new Uint8Array(bytes)], { type: 'image/png' });
      const { content_uri: uri } = await alice.uploadContent(file, { name: 'Bild ü.png' });
      const whole = await fetchAs(
        bob,
        bob.mxcUrlToHttp(uri, undefined, undefined, undefined, false, true, true),
      );
      assert.ok(whole.bytes.equals(bytes));
      assert.equal(whole.disposition, "inline; filename*=utf-8''Bild%20%C3%BC.png");
      const small = await fetchAs(bob, bob.mxcUrlToHttp(uri, 96, 96, 'crop', false, true, true));
      const { width, height } = await sharp(small.bytes).metadata();
      assert.deepEqual([width, height], [96, 96]);
      const old = await fetch(bob.mxcUrlToHttp(uri) ?? '');
      assert.ok(Buffer.from(await old.arrayBuffer()).equals(bytes));
      assert.equal((await bob.getMediaConfig(true))['m.upload.size'], 52_428_800);

      await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
      const address = `http://127.0.0.1:${(page.address() as AddressInfo).port}/`;
      assert.equal((await bob.getUrlPreview(address, Date.now()))['og:title'], 'A page');
    } finally {
      for (const client of clients) client.stopClient();
      page.close();
      await server.stop();
    }
  },
);

async function fetchAs(
  client: MatrixClient,
  url: string | null,
): Promise<{ bytes: Buffer; disposition: string | null }> {
  const response = await fetch(url ?? '', {
    headers: { authorization: `Bearer ${client.getAccessToken() ?? ''}` },
  });
  assert.equal(response.status, 200);
  const disposition = response.headers.get('content-disposition');
  return { bytes: Buffer.from(await response.arrayBuffer()), disposition };
}

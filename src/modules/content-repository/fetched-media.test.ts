import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { onFederation } from '../../testing/federation/federation.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { onServers } from '../../testing/server/test-server.ts';
import { filesIn } from './testing/media-client.ts';

const MIB = 1024 * 1024;
const SMALL = { MYELIN_MEDIA_REMOTE_CACHE_MIB: '1' };

function bytesIn(folder: string): number {
  return filesIn(`${folder}/media/content`).reduce((sum, one) => sum + statSync(one).size, 0);
}

/** Has a server give a file of its own under every ID; says how many it gave. */
function givesFiles(remote: RemoteServer, bytes: number): () => number {
  const head = Buffer.from('--e\r\n\r\n{}\r\n--e\r\nContent-Type: text/plain\r\n\r\n');
  const headers = { 'content-type': 'multipart/mixed; boundary=e' };
  let given = 0;
  remote.answer = ({ url }) => {
    if (!url.includes('/media/download/')) return undefined;
    given += 1;
    const body = Buffer.concat([head, randomBytes(bytes), Buffer.from('\r\n--e--\r\n')]);
    return { status: 200, body, headers };
  };
  return () => given;
}

onFederation(
  'files of other servers take no more space than they may, however fast they are asked for',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    givesFiles(remote, 200_000);
    const path = (i: number) => `${a.server.url}/_matrix/media/v3/download/${remote.name}/abc${i}`;
    for (let i = 0; i < 30; i++) {
      const answer = await fetch(path(i));
      assert.equal((await answer.arrayBuffer()).byteLength, 200_000);
    }
    await a.server.services.mediaSweep.stop();
    const bytes = bytesIn(a.place.dataDir);
    assert.ok(bytes <= 1.3 * MIB && bytes > 0.5 * MIB, `${bytes} bytes are kept where 1 MiB may be`);
    const again = await fetch(path(0));
    assert.equal(again.status, 200, 'what had to go is fetched again');
    await again.arrayBuffer();
  },
  { servers: 1, env: SMALL },
);

onServers(
  'pictures of previews count among what the server fetched',
  async (s) => {
    const web = createServer((_request, response) => {
      const raw = { width: 300, height: 300, channels: 3 as const };
      const picture = sharp(randomBytes(300 * 300 * 3), { raw })
        .png()
        .toBuffer();
      void picture.then((png) => response.writeHead(200, { 'content-type': 'image/png' }).end(png));
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`;
    try {
      const alice = await s.person('alice');
      for (let i = 0; i < 12; i++) {
        await alice.ok(
          'GET',
          `/_matrix/client/v1/media/preview_url?url=${encodeURIComponent(`${url}?${i}`)}`,
        );
      }
      await s.server.services.mediaSweep.run();
      await s.server.services.mediaSweep.stop();
      const bytes = bytesIn(s.place.dataDir);
      assert.ok(bytes <= MIB && bytes > 0.5 * MIB, `${bytes} bytes are kept where 1 MiB may be`);
    } finally {
      web.closeAllConnections();
      web.close();
    }
  },
  { env: { ...SMALL, MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8' } },
);

onFederation(
  'a user, and an address, has only so much fetched; what is here already is no matter',
  async ({ a, startRemote }) => {
    const [alice, bob] = [await a.person('alice'), await a.person('bob')];
    const remote = await startRemote();
    const given = givesFiles(remote, 1_000);
    const old = (id: string) => fetch(`${a.server.url}/_matrix/media/v3/download/${remote.name}/${id}`);
    const get = (id: string, { token }: { token: string | undefined } = alice) =>
      fetch(`${a.server.url}/_matrix/client/v1/media/download/${remote.name}/${id}`, {
        headers: { authorization: `Bearer ${token}` },
      });
    assert.deepEqual([(await get('a1')).status, (await get('a2')).status], [200, 200]);
    const refused = await get('a3');
    assert.equal(refused.status, 429);
    assert.equal(((await refused.json()) as { errcode: string }).errcode, 'M_LIMIT_EXCEEDED');
    assert.equal((await get('a1')).status, 200, 'what is here already');
    assert.equal((await get('a3', bob)).status, 200, 'another user');
    assert.deepEqual([(await old('a4')).status, (await old('a5')).status], [200, 200]);
    assert.deepEqual([(await old('a6')).status, (await old('a1')).status], [429, 200]);
    assert.equal(given(), 5);
  },
  {
    servers: 1,
    env: {
      MYELIN_LIMITS_ENABLED: 'true',
      MYELIN_LIMITS_FETCHED_MEDIA_BURST: '2',
      MYELIN_LIMITS_FETCHED_MEDIA_PER_SECOND: '0.001',
    },
  },
);

onFederation(
  'once new files are not for anonymous callers, these have no file of another server fetched',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const given = givesFiles(remote, 1_000);
    const answer = await fetch(`${a.server.url}/_matrix/media/v3/download/${remote.name}/abc`);
    assert.deepEqual([answer.status, given()], [404, 0]);
  },
  { servers: 1, env: { MYELIN_MEDIA_FREEZE_UNAUTHENTICATED_AT: '2020-01-01T00:00:00Z' } },
);

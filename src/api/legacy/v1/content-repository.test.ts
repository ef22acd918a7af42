import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe } from 'node:test';
import sharp from 'sharp';
import { onFederation } from '../../../testing/federation/federation.ts';
import type { TestClient } from '../../../testing/client/test-client.ts';
import { V1Client } from '../../../testing/client/v1-client.ts';

/** Uploads bytes as clients of 2015 did; gives the content URI. */
async function upload(person: TestClient, bytes: Buffer, type: string): Promise<string> {
  const answer = await fetch(`${person.base}/_matrix/media/v1/upload?access_token=${person.token ?? ''}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: new Uint8Array(bytes),
  });
  return ((await answer.json()) as { content_uri: string }).content_uri;
}

describe('2015: content repository', () => {
  onFederation(
    'files are had by way of one’s own server, without a token, and pictures small, too [A078] [A079]',
    async ({ a, b }) => {
      const [alice, bob] = [V1Client.of(await a.person('alice')), V1Client.of(await b.person('bob'))];
      const bytes = randomBytes(200_000);
      const uri = await upload(alice, bytes, 'application/x-thing');
      assert.match(uri, new RegExp(`^mxc://${a.name}/[A-Za-z0-9_-]+$`));
      const at = (person: TestClient, what: string) => fetch(`${person.base}/_matrix/media/v1/${what}`);
      const bytesOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());
      for (const person of [alice, bob]) {
        const got = await at(person, `download/${uri.slice('mxc://'.length)}`);
        assert.equal(got.headers.get('content-type'), 'application/x-thing');
        assert.deepEqual(await bytesOf(got), bytes);
      }
      for (const bad of [
        `${a.name}/..%2F..%2Fetc`,
        `${a.name}/a.b`,
        `..%2F..%2Fetc/passwd`,
        `${a.name}/%2e%2e`,
      ]) {
        assert.ok((await at(alice, `download/${bad}`)).status >= 400, bad);
      }
      const color = { r: 255, g: 0, b: 0 };
      const picture = await sharp({ create: { width: 1000, height: 500, channels: 3, background: color } })
        .png()
        .toBuffer();
      const shown = (await upload(alice, picture, 'image/png')).slice('mxc://'.length);
      const tiny = sharp({ create: { width: 50, height: 40, channels: 3, background: color } }).webp();
      const modern = (await upload(alice, await tiny.toBuffer(), 'image/webp')).slice('mxc://'.length);
      for (const person of [alice, bob]) {
        for (const [query, width, height] of [
          ['width=320&height=240&method=crop', 320, 240],
          ['width=320&height=240&method=scale', 320, 160],
          ['width=5000&height=5000&method=scale', 1000, 500],
        ] as const) {
          const small = await at(person, `thumbnail/${shown}?${query}`);
          const about = await sharp(await bytesOf(small)).metadata();
          assert.deepEqual([about.width, about.height], [width, height], query);
        }
        for (const [query, width, height] of [
          ['', 320, 160],
          ['?width=96', 96, 48],
          ['?method=crop&height=96', 96, 96],
        ] as const) {
          const unasked = await at(person, `thumbnail/${shown}${query}`);
          const about = await sharp(await bytesOf(unasked)).metadata();
          assert.deepEqual([about.width, about.height], [width, height], query);
        }
        for (const query of ['width=96&height=96', 'width=5000&height=5000']) {
          const old = await at(person, `thumbnail/${modern}?${query}`);
          const about = await sharp(await bytesOf(old)).metadata();
          assert.deepEqual(
            [about.format, about.width, about.height],
            ['jpeg', 50, 40],
            'in a format of then',
          );
          assert.equal(old.headers.get('content-type'), 'image/jpeg');
          const young = await fetch(`${person.base}/_matrix/media/v3/thumbnail/${modern}?${query}`);
          assert.equal(young.headers.get('content-type'), 'image/webp');
        }
        const ofToday = await fetch(`${person.base}/_matrix/media/v3/thumbnail/${shown}`);
        assert.equal(ofToday.status, 400);
        const near = await sharp(
          await bytesOf(await at(person, `thumbnail/${shown}?width=300&height=200&method=crop`)),
        ).metadata();
        assert.ok(near.width >= 300 && near.width <= 1000 && near.height >= 200);
      }
    },
  );

  onFederation(
    'files, pictures and what a user may take have limits, and so has what is kept of other servers [A080]',
    async ({ a, b }) => {
      const [alice, bob] = [V1Client.of(await a.person('alice')), V1Client.of(await b.person('bob'))];
      const post = (person: TestClient, bytes: Buffer) =>
        fetch(`${person.base}/_matrix/media/v1/upload?access_token=${person.token ?? ''}`, {
          method: 'POST',
          body: new Uint8Array(bytes),
        });
      assert.equal((await post(alice, randomBytes(700_001))).status, 413);
      const files: string[] = [];
      for (let i = 0; i < 4; i++) files.push(await upload(alice, randomBytes(400_000), 'a/b'));
      assert.equal((await post(alice, randomBytes(600_000))).status, 403, 'two MiB a user');
      const large = await sharp({ create: { width: 1001, height: 1000, channels: 3, background: 'red' } })
        .png()
        .toBuffer();
      const picture = await upload(bob, large, 'image/png');
      const at = (person: TestClient, what: string, uri: string, query = '') =>
        fetch(`${person.base}/_matrix/media/v1/${what}/${uri.slice('mxc://'.length)}${query}`);
      assert.equal((await at(bob, 'thumbnail', picture, '?width=32&height=32')).status, 413);
      for (const uri of files) assert.equal((await at(bob, 'download', uri)).status, 200);
      await b.server.services?.mediaSweep.run();
      await a.stop();
      const statuses: number[] = [];
      for (const uri of files) statuses.push((await at(bob, 'download', uri)).status);
      assert.ok(
        (statuses[0] ?? 0) >= 500 && (statuses[1] ?? 0) >= 500,
        'what was fetched first is no longer kept',
      );
      assert.deepEqual(statuses.slice(2), [200, 200], 'one MiB of it is');
    },
    {
      env: {
        MYELIN_MEDIA_MAX_UPLOAD_BYTES: '700000',
        MYELIN_MEDIA_USER_QUOTA_MIB: '2',
        MYELIN_MEDIA_MAX_IMAGE_PIXELS: '1000000',
        MYELIN_MEDIA_REMOTE_CACHE_MIB: '1',
      },
    },
  );
});

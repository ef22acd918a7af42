import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import sharp from 'sharp';
import { startS3Server } from '../../storage/blobs/testing/s3-server.ts';
import { onServers } from '../../testing/server/test-server.ts';
import { filesIn, get, OLD, send, upload, V1 } from './testing/media-client.ts';

const s3 = await startS3Server();
after(() => s3?.close());

if (!s3) {
  void test('media on object storage', { skip: 's3rver is not installed' });
} else {
  const { options } = s3;
  onServers(
    'media are kept in object storage, and nothing of them stays here [B042 partial]',
    async (s) => {
      const alice = await s.person('alice');
      const bytes = randomBytes(1_000_000);
      const path = `${V1}/download/${await upload(alice, bytes, 'video/mp4')}`;
      assert.ok((await get(alice, path)).bytes.equals(bytes));
      const part = await get(alice, path, { range: 'bytes=999000-' });
      assert.deepEqual([part.status, part.headers.get('content-length')], [206, '1000']);
      assert.ok(part.bytes.equals(bytes.subarray(999_000)));
      const head = await get(alice, path, {}, 'HEAD');
      assert.deepEqual([head.status, head.headers.get('content-length')], [200, '1000000']);
      const none = await upload(alice, Buffer.alloc(0), 'text/plain');
      assert.equal((await get(alice, `${V1}/download/${none}`)).bytes.length, 0);

      const picture = sharp({ create: { width: 500, height: 500, channels: 3, background: 'red' } });
      const uri = await upload(alice, await picture.png().toBuffer(), 'image/png');
      for (let i = 0; i < 2; i++) {
        const thumbnail = await get(alice, `${V1}/thumbnail/${uri}?width=96&height=96&method=crop`);
        assert.equal((await sharp(thumbnail.bytes).metadata()).width, 96);
      }
      assert.deepEqual(filesIn(join(s.place.dataDir, 'media')), []);
    },
    {
      env: {
        MYELIN_MEDIA_STORE: 's3',
        MYELIN_MEDIA_S3_ENDPOINT: options.endpoint,
        MYELIN_MEDIA_S3_BUCKET: options.bucket,
        MYELIN_MEDIA_S3_ACCESS_KEY_ID: options.accessKeyId,
        MYELIN_MEDIA_S3_SECRET_ACCESS_KEY: options.secretAccessKey,
        MYELIN_MEDIA_S3_PREFIX: options.prefix,
      },
    },
  );
  onServers(
    'without its object storage the server answers, and nothing stays behind',
    async (s) => {
      const alice = await s.person('alice');
      const answer = await send(alice, 'POST', `${OLD}/upload`, randomBytes(1_000));
      assert.deepEqual([answer.status, answer.body.errcode], [500, 'M_UNKNOWN']);
      assert.deepEqual(filesIn(join(s.place.dataDir, 'media')), []);
      assert.deepEqual(await alice.ok('GET', `${V1}/config`), { 'm.upload.size': 52_428_800 });
    },
    {
      env: {
        MYELIN_MEDIA_STORE: 's3',
        MYELIN_MEDIA_S3_ENDPOINT: 'http://127.0.0.1:1',
        MYELIN_MEDIA_S3_BUCKET: options.bucket,
        MYELIN_MEDIA_S3_ACCESS_KEY_ID: 'a',
        MYELIN_MEDIA_S3_SECRET_ACCESS_KEY: 'b',
      },
      overrides: { log: pino({ level: 'silent' }) },
    },
  );
}

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import type { BlobStore } from './blob-store.ts';
import { FileBlobStore } from './file-blob-store.ts';
import { S3BlobStore } from './s3-blob-store.ts';
import { Spool, TooManyBytes } from './spool.ts';
import { startS3Server } from './testing/s3-server.ts';

type Make = (folder: string) => Promise<{ store: BlobStore; end?: () => Promise<void> }>;

const opaque = () => randomBytes(9).toString('hex');

/** What every store must do, whatever it keeps its blobs in. */
async function behavesAsAStore(make: Make): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'myelin-blobs-'));
  const spool = new Spool(join(folder, 'incoming'), opaque);
  const { store, end } = await make(folder);
  try {
    const name = `content/${'ab'.repeat(32)}`;
    assert.equal(await store.open(name), undefined);
    assert.equal(await store.asFile(name), undefined);
    await store.remove(name);
    for (const bytes of [randomBytes(300_000), randomBytes(200_000), Buffer.alloc(0)]) {
      const file = await spool.receive(Readable.from([bytes]), 1_000_000);
      await store.put(name, file.path);
      assert.equal(existsSync(file.path), false);
      assert.ok((await read(store, name)).equals(bytes));
      const local = await store.asFile(name);
      assert.ok(local && readFileSync(local.path).equals(bytes));
      await local.release();
      if (bytes.length === 0) continue;
      assert.ok((await read(store, name, { start: 100, end: 199 })).equals(bytes.subarray(100, 200)));
    }
    await assert.rejects(store.put(name, join(folder, 'incoming', 'none')));
    await store.remove(name);
    assert.equal(await store.open(name), undefined);
    assert.deepEqual(readdirSync(join(folder, 'incoming')), []);
  } finally {
    await store.close();
    await end?.();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function read(store: BlobStore, name: string, range?: { start: number; end: number }): Promise<Buffer> {
  const stream = await store.open(name, range);
  assert.ok(stream);
  return buffer(stream);
}

test('a folder keeps blobs', () =>
  behavesAsAStore((folder) => Promise.resolve({ store: new FileBlobStore(join(folder, 'media')) })));

test('object storage keeps blobs', async (t) => {
  const server = await startS3Server();
  if (!server) return t.skip('s3rver is not installed');
  await behavesAsAStore((folder) =>
    Promise.resolve({
      store: new S3BlobStore({ ...server.options, folder: join(folder, 'incoming'), opaque }),
      end: server.close,
    }),
  );
});

test('a spool keeps nothing of what did not come whole', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'myelin-spool-'));
  try {
    const spool = new Spool(folder, opaque);
    await assert.rejects(spool.receive(Readable.from([Buffer.alloc(6), Buffer.alloc(5)]), 10), TooManyBytes);
    const broken = Readable.from(
      (function* () {
        yield Buffer.alloc(5);
        throw new Error('broken');
      })(),
    );
    await assert.rejects(spool.receive(broken, 10), /broken/);
    await assert.rejects(
      spool.make(() => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.deepEqual(readdirSync(folder), []);
    const file = await spool.receive(Readable.from([Buffer.from('abc')]), 3);
    assert.equal(file.hash, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    await spool.sweep(Date.now() - 60_000);
    assert.equal(readdirSync(folder).length, 1);
    await spool.sweep(Date.now() + 60_000);
    assert.equal(readdirSync(folder).length, 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

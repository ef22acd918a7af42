import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { onBothEngines } from '../../src/testing/server/engines.ts';
import { TestClient } from '../../src/testing/client/test-client.ts';
import { ServerProcess } from '../server-process.ts';

const ROUNDS = { sqlite: 3, postgres: 2 };
const UPLOADERS = 16;

/** A file whose upload was acknowledged. */
interface Uploaded {
  readonly uri: string;
  readonly hash: string;
}

onBothEngines('a server killed while 16 people upload has every file that it acknowledged', async (place) => {
  let server = await ServerProcess.start(place.env);
  const tokens = await Promise.all(
    Array.from(
      { length: UPLOADERS },
      async (_, i) => (await new TestClient(server.url).register(`u${i}`)).token ?? '',
    ),
  );
  const uploaded: Uploaded[] = [];
  try {
    for (let round = 0; round < ROUNDS[place.engine]; round++) {
      await killWhileUploading(server, tokens, uploaded, uploaded.length + 20 + round * 37);
      server = await ServerProcess.start(place.env);
      for (const { uri, hash } of uploaded) {
        const response = await fetch(`${server.url}/_matrix/media/v3/download/${uri}`);
        assert.equal(response.status, 200, uri);
        assert.equal(hashOf(Buffer.from(await response.arrayBuffer())), hash);
      }
    }
  } finally {
    await server.stop();
  }
});

/** Uploads until so many files are acknowledged in all, and kills the server at that moment. */
async function killWhileUploading(
  server: ServerProcess,
  tokens: readonly string[],
  uploaded: Uploaded[],
  until: number,
): Promise<void> {
  const enough = Promise.withResolvers<void>();
  const uploaders = tokens.map(async (token) => {
    for (;;) {
      const bytes = randomBytes(1_000 + Math.floor(Math.random() * 300_000));
      const uri = await upload(server.url, token, bytes);
      if (uri === undefined) return;
      uploaded.push({ uri, hash: hashOf(bytes) });
      if (uploaded.length >= until) enough.resolve();
    }
  });
  await enough.promise;
  await server.kill();
  await Promise.all(uploaders);
}

/** The content URI without its scheme; undefined once the server is gone. */
async function upload(url: string, token: string, bytes: Buffer): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/_matrix/media/v3/upload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: new Uint8Array(bytes),
    });
    const { content_uri: uri } = (await response.json()) as { content_uri: string };
    return uri.replace('mxc://', '');
  } catch {
    return undefined;
  }
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

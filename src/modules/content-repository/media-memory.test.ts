import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash, randomBytes } from 'node:crypto';
import { request, type ClientRequest } from 'node:http';
import { createInterface } from 'node:readline';
import { onBothEngines } from '../../testing/server/engines.ts';
import { TestClient } from '../../testing/client/test-client.ts';
import { OLD, V1 } from './testing/media-client.ts';

const MIB = 1024 * 1024;
const MAIN = new URL('../../main.ts', import.meta.url).pathname;

/** A server in a process of its own. */
async function serve(env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'serve'], {
    env: { ...process.env, ...env, MYELIN_LISTEN_PORT: '0', MYELIN_PASSWORDS_MEMORY_KIB: '8' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let url: string | undefined;
  for await (const line of createInterface(child.stdout)) {
    url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (url !== undefined) break;
  }
  assert.ok(url);
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Memory that the server's process has, in bytes. */
async function memory(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

async function write(to: ClientRequest, bytes: Buffer): Promise<void> {
  if (!to.write(bytes)) await once(to, 'drain');
}

onBothEngines('a file of 50 MiB comes and goes in much less memory', async (place) => {
  const server = await serve(place.env);
  try {
    const alice = await new TestClient(server.url).register('alice');
    const authorization = `Bearer ${alice.token ?? ''}`;
    const upload = (megabytes: number) =>
      request(`${server.url}${OLD}/upload`, {
        method: 'POST',
        headers: { authorization, 'content-length': megabytes * MIB, 'content-type': 'video/mp4' },
      });
    const small = upload(1).end(randomBytes(MIB));
    await once(small, 'response');
    const before = await memory(server.url);

    const large = upload(50);
    const hash = createHash('sha256');
    for (let i = 0; i < 49; i++) {
      const piece = randomBytes(MIB);
      hash.update(piece);
      await write(large, piece);
    }
    const during = await memory(server.url);
    const last = randomBytes(MIB);
    hash.update(last);
    large.end(last);
    const [response] = await once(large, 'response');
    assert.equal(response.statusCode, 200);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const { content_uri: uri } = JSON.parse(Buffer.concat(chunks).toString()) as { content_uri: string };

    const path = `${V1}/download/${uri.replace('mxc://', '')}`;
    const download = await fetch(server.url + path, { headers: { authorization } });
    const got = createHash('sha256');
    for await (const chunk of download.body ?? []) got.update(chunk as Uint8Array);
    assert.equal(got.digest('hex'), hash.digest('hex'));
    const after = await memory(server.url);
    const grown = Math.max(during, after) - before;
    assert.ok(grown < 25 * MIB, `the server took ${Math.round(grown / MIB)} MiB more`);
  } finally {
    await server.stop();
  }
});

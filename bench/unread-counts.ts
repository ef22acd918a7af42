import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/platform/config/load-config.ts';
import type { RoomId, UserId } from '../src/protocol/identifiers.ts';
import { parseSyncToken } from '../src/rooms/reading/stream-token.ts';
import { startServer } from '../src/server.ts';
import { TestClient } from '../src/testing/client/test-client.ts';

const MESSAGES = Number(process.argv[2] ?? 10_000);
const SAMPLE = 200;
const NO_ROOMS = JSON.stringify({ room: { rooms: [] } });

/** What the n-th unread message costs whoever counts it, and a sync that shows it. */
const dataDir = mkdtempSync(join(tmpdir(), 'myelin-bench-'));
const start = () =>
  startServer(
    loadConfig({
      env: {
        MYELIN_DATA_DIR: dataDir,
        MYELIN_LISTEN_PORT: '0',
        MYELIN_LIMITS_ENABLED: 'false',
        MYELIN_PASSWORDS_MEMORY_KIB: '8',
        MYELIN_PASSWORDS_ITERATIONS: '1',
        MYELIN_LOG_LEVEL: 'error',
      },
    }),
  );
let server = await start();
const alice = await new TestClient(server.url).register('alice');
const bob = await new TestClient(server.url).register('bob');
const room = (await alice.createRoom({ preset: 'public_chat' })) as RoomId;
await bob.join(room);
const carol = await new TestClient(server.url).register('carol');
await carol.join(room);
let since: string = (await bob.sync()).next_batch;

async function countOnce(reader: TestClient, counted = bob): Promise<number> {
  const upTo = parseSyncToken((await reader.sync({ timeout: 0, filter: NO_ROOMS })).next_batch).position;
  const started = performance.now();
  await server.services.unreadCounts.of(counted.userId as UserId, room, upTo);
  return performance.now() - started;
}

async function syncOnce(): Promise<number> {
  const started = performance.now();
  since = (await bob.sync({ since, timeout: 0 })).next_batch;
  return performance.now() - started;
}

function median(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(3);
}

for (let sent = 0; sent < MESSAGES;) {
  const isSample = sent < SAMPLE || sent >= MESSAGES - SAMPLE || sent % 1_000 < SAMPLE;
  if (!isSample) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => alice.say(room, `message ${sent + i}`)));
    sent += 50;
    continue;
  }
  const counts: number[] = [];
  const syncs: number[] = [];
  for (let i = 0; i < SAMPLE / 2; i++) {
    await alice.say(room, `message ${sent++}`);
    counts.push(await countOnce(alice));
    await alice.say(room, `message ${sent++}`);
    syncs.push(await syncOnce());
  }
  console.log(
    `${sent} unread: counting one more ${median(counts)} ms, a sync that shows it ${median(syncs)} ms`,
  );
}

await server.close();
server = await start();
const reader = new TestClient(server.url, alice.token);
console.log(`counting ${MESSAGES} after a restart: ${(await countOnce(reader)).toFixed(1)} ms`);
console.log(`counting them for the first time: ${(await countOnce(reader, carol)).toFixed(1)} ms`);
await server.close();
rmSync(dataDir, { recursive: true });

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { makePlace, onBothEngines, type TestPlace } from '../../src/testing/server/engines.ts';
import { TestClient, type Json } from '../../src/testing/client/test-client.ts';
import { freePort } from '../../src/testing/server/free-port.ts';
import { ServerProcess } from '../server-process.ts';
import { readMessages } from '../stream-follower.ts';
import { BotProcess, installBotSdk, PARROT, toldEvents, writeRegistration } from './bot-process.ts';

const EACH = 20;

const missing = await installBotSdk();

if (missing === undefined)
  onBothEngines('a bot of matrix-bot-sdk is told of everything once, over restarts of both', talk);
else test('a bot of matrix-bot-sdk', (context) => context.skip(missing));

async function talk(place: TestPlace): Promise<void> {
  const own = await makePlace('sqlite');
  const [port, botPort] = [await freePort(), await freePort()];
  const registration = join(own.dataDir, 'parrot.json');
  writeRegistration(registration, botPort);
  const env = {
    ...place.env,
    MYELIN_LISTEN_PORT: String(port),
    MYELIN_APPLICATION_SERVICES_FILES: registration,
  };
  const url = `http://127.0.0.1:${port}`;
  const startBot = () => BotProcess.start(url, registration, botPort, own.dataDir);
  let server = await ServerProcess.start(env);
  let bot = await startBot();
  try {
    const alice = await new TestClient(url).register('alice');
    const roomId = await alice.createRoom({ invite: [PARROT] });
    await alice.syncUntil(undefined, (body) => hasJoined(body, roomId));
    const sent = await say(alice, roomId, 'together');

    await bot.stop();
    sent.push(...(await say(alice, roomId, 'without the bot')));
    await server.kill();
    server = await ServerProcess.start(env);
    sent.push(...(await say(alice, roomId, 'after the server')));
    bot = await startBot();
    sent.push(...(await say(alice, roomId, 'together again')));
    // Killed with what it has still to deliver.
    await server.kill();
    server = await ServerProcess.start(env);

    const repeated = await untilRepeated(alice, roomId, sent.length);
    assert.deepEqual(toldEvents(own.dataDir), sent, 'the bot was told of each message once, in order');
    assert.deepEqual(repeated, await messages(alice, roomId, alice.userId), 'and repeated each once');
  } finally {
    await bot.stop();
    await server.kill();
    await own.remove();
  }
}

function hasJoined(body: Json, roomId: string): boolean {
  const room = body.rooms?.join?.[roomId];
  return ((room?.timeline?.events ?? []) as Json[]).some(
    (event) => event.state_key === PARROT && event.content.membership === 'join',
  );
}

async function say(person: TestClient, roomId: string, text: string): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < EACH; i++) ids.push(await person.say(roomId, `${text} ${i}`));
  return ids;
}

async function messages(person: TestClient, roomId: string, sender: string): Promise<string[]> {
  const all = await readMessages(person, roomId);
  return all.filter((one) => one.sender === sender).map((one) => one.body);
}

/** What the bot said, as soon as that is as much as was said to it. */
async function untilRepeated(person: TestClient, roomId: string, count: number): Promise<string[]> {
  let said: string[] = [];
  let since = (await person.sync()).next_batch as string;
  while ((said = await messages(person, roomId, PARROT)).length < count) {
    const body = await person.sync({ since, timeout: 30_000 });
    assert.notEqual(body.next_batch, since, `the bot falls silent after ${said.length} messages`);
    since = body.next_batch;
  }
  return said;
}

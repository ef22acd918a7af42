import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { TestClient, type Json } from '../../src/testing/test-client.ts';
import { startChromium } from '../browser/chromium.ts';
import { ServerProcess } from '../server-process.ts';
import { builtWebClient, ServedClient } from './web-client.ts';
import { WebPerson } from './web-person.ts';

/**
 * Two people at a web client that people use, each in a browser profile of their own: they register, make an encrypted
 * room, invite, talk, send a picture, reply and react. Fails on whatever the client or its console says went wrong. Pictures
 * of both screens after each step are in `data/web-client/screens`.
 */

const SCREENS = resolve('data/web-client/screens');
const SERVER_NAME = 'localhost';

const folder = mkdtempSync(join(tmpdir(), 'myelin-web-'));
mkdirSync(SCREENS, { recursive: true });
const built = builtWebClient();
const server = await ServerProcess.start({
  MYELIN_DATA_DIR: folder,
  MYELIN_SERVER_NAME: SERVER_NAME,
});
const client = await ServedClient.start(built, server.url.replace('127.0.0.1', 'localhost'));
const browser = await startChromium();
const people: WebPerson[] = [];
let failure: unknown;
try {
  const alice = await WebPerson.open(browser, 'alice', client.url);
  const bob = await WebPerson.open(browser, 'bob', client.url);
  people.push(alice, bob);
  await converse(alice, bob);
} catch (error) {
  failure = error;
}
for (const person of people) {
  if (failure !== undefined) await person.screenshot(join(SCREENS, `failed-${person.name}.png`));
  for (const problem of person.problems) process.stdout.write(`${person.name}: ${problem}\n`);
}
await browser.close();
client.close();
await server.stop();
rmSync(folder, { recursive: true, force: true });
if (failure instanceof Error) process.stdout.write(`${failure.stack}\n`);
const isGood = failure === undefined && people.every((person) => person.problems.length === 0);
process.stdout.write(isGood ? 'All went well\n' : 'Something went wrong\n');
process.exit(isGood ? 0 : 1);

async function converse(alice: WebPerson, bob: WebPerson): Promise<void> {
  const step = async (title: string, run: () => Promise<unknown>) => {
    const begun = performance.now();
    await run();
    const name = title.replaceAll(' ', '-');
    for (const person of [alice, bob]) await person.screenshot(join(SCREENS, `${name}-${person.name}.png`));
    process.stdout.write(`${title}: ${Math.round(performance.now() - begun)} ms\n`);
  };
  await step('register', () => Promise.all([alice.register(), bob.register()]));
  await step('make a room', () => alice.createEncryptedRoom('Tea room'));
  await step('invite', async () => {
    await alice.invite(`@bob:${SERVER_NAME}`);
    await bob.acceptInvite();
  });
  await step('talk', async () => {
    await alice.say('Hello Bob, tea is ready');
    await bob.sees('Hello Bob, tea is ready');
    await bob.say('Hello Alice, coming!');
    await alice.sees('Hello Alice, coming!');
  });
  await step('send a picture', async () => {
    const picture = join(folder, 'picture.png');
    await sharp({ create: { width: 320, height: 200, channels: 3, background: 'teal' } }).toFile(picture);
    await alice.sendPicture(picture);
    await bob.seesPicture();
  });
  await step('reply', async () => {
    await alice.say('Milk or lemon?');
    await bob.sees('Milk or lemon?');
    await bob.reply('Milk or lemon?', 'Lemon, please');
    await alice.sees('Lemon, please');
  });
  await step('react', async () => {
    await bob.react('Milk or lemon?');
    await Promise.all([alice.seesReaction(), bob.seesReaction()]);
  });
  await assertEncrypted(alice);
}

/** Looks at what the server has of the conversation: nothing that it can read. */
async function assertEncrypted(person: WebPerson): Promise<void> {
  const device = new TestClient(server.url);
  const identifier = { type: 'm.id.user', user: person.name };
  const login = { type: 'm.login.password', identifier, password: person.password };
  device.token = (await device.ok('POST', '/v3/login', login)).access_token;
  const [room = ''] = (await device.ok('GET', '/v3/joined_rooms')).joined_rooms;
  const { chunk } = await device.ok('GET', device.room(room, '/messages?dir=b&limit=100'));
  const types = (chunk as Json[]).filter((event) => event.state_key === undefined).map((event) => event.type);
  const encrypted = types.filter((type) => type === 'm.room.encrypted').length;
  assert.ok(encrypted >= 5 && !types.includes('m.room.message'), `What was sent: ${types.join(', ')}`);
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { TestClient, type Json } from '../../src/testing/client/test-client.ts';
import { startChromium } from '../browser/chromium.ts';
import { ServerProcess } from '../server-process.ts';
import { builtWebClient, ServedClient } from './web-client.ts';
import { WebPerson } from './web-person.ts';
import { WebRoom } from './web-room.ts';
import { seesVerified, verifyEachOther, verifyOwnDevice } from './web-verification.ts';

/**
 * Two people at the user interface of Element Web, each in a browser profile of their own: they register, make an
 * encrypted room, invite, talk, send a picture, reply, take something back, react, answer in a thread and verify each
 * other by emoji; then one loads the page anew, verifies a second device by the first, logs out and gets the history back
 * by the recovery key. Fails on whatever the client or its console says went wrong. Pictures of the screens after each step
 * are in `data/web-client/screens`.
 */

const SCREENS = resolve('data/web-client/screens');
const SERVER_NAME = 'localhost';
const ROOM = 'Tea room';

const folder = mkdtempSync(join(tmpdir(), 'myelin-web-'));
// Where there is none after that, its start fails.
spawnSync(process.execPath, ['scripts/install-chromium.ts'], { stdio: 'inherit' });
const built = builtWebClient();
rmSync(SCREENS, { recursive: true, force: true });
mkdirSync(SCREENS, { recursive: true });
const server = await ServerProcess.start({
  MYELIN_DATA_DIR: folder,
  MYELIN_SERVER_NAME: SERVER_NAME,
});
const client = await ServedClient.start(built, server.url.replace('127.0.0.1', 'localhost'), SERVER_NAME);
const browser = await startChromium();
const people: WebPerson[] = [];
const recoveryKeys = new Map<WebPerson, string>();
let failure: unknown;
try {
  const alice = await WebPerson.open(browser, 'alice', client.url);
  const bob = await WebPerson.open(browser, 'bob', client.url);
  people.push(alice, bob);
  await converse(alice, bob);
  const another = await WebPerson.open(browser, 'alice', client.url);
  people.push(another);
  await comeBack(alice, another);
} catch (error) {
  failure = error;
}
for (const [index, person] of people.entries()) {
  if (failure !== undefined) await person.screenshot(join(SCREENS, `failed-${index}-${person.name}.png`));
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

async function step(title: string, run: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await run();
  const name = title.replaceAll(' ', '-');
  for (const [index, person] of people.entries()) {
    await person.screenshot(join(SCREENS, `${name}-${index}-${person.name}.png`));
  }
  process.stdout.write(`${title}: ${Math.round(performance.now() - begun)} ms\n`);
}

async function converse(alice: WebPerson, bob: WebPerson): Promise<void> {
  await step('register', () => Promise.all([alice.register(), bob.register()]));
  let tea: WebRoom | undefined;
  await step('make a room', async () => (tea = await WebRoom.create(alice, ROOM)));
  assert.ok(tea);
  const atAlices = tea;
  await step('set up recovery', async () => recoveryKeys.set(alice, await alice.setUpRecovery()));
  await step('invite', async () => {
    await atAlices.invite(`@bob:${SERVER_NAME}`);
    tea = await WebRoom.accept(bob, ROOM);
    recoveryKeys.set(bob, await bob.setUpRecovery());
  });
  await talk(atAlices, tea);
  await assertEncrypted(alice);
  await step('verify each other', async () => {
    const emoji = await verifyEachOther(alice, bob);
    process.stdout.write(`The emoji on both screens: ${emoji.join(', ')}\n`);
    await Promise.all([seesVerified(alice), seesVerified(bob)]);
  });
}

async function talk(atAlices: WebRoom, atBobs: WebRoom): Promise<void> {
  await step('talk', async () => {
    await atAlices.say('Hello Bob, tea is ready');
    await atBobs.sees('Hello Bob, tea is ready');
    await atBobs.say('Hello Alice, coming!');
    await atAlices.sees('Hello Alice, coming!');
  });
  await step('send a picture', async () => {
    const picture = join(folder, 'picture.png');
    await sharp({ create: { width: 320, height: 200, channels: 3, background: 'teal' } }).toFile(picture);
    await atAlices.sendPicture(picture);
    await atBobs.seesPicture();
  });
  await step('reply', async () => {
    await atAlices.say('Milk or lemon?');
    await atBobs.sees('Milk or lemon?');
    await atBobs.reply('Milk or lemon?', 'Lemon, please');
    await atAlices.seesReply('Milk or lemon?', 'Lemon, please');
  });
  await step('take back', async () => {
    await atBobs.say('With a bit of salt');
    await atAlices.sees('With a bit of salt');
    await atBobs.remove('With a bit of salt');
    await Promise.all([atAlices, atBobs].map((room) => room.seesRemoved('With a bit of salt')));
  });
  await step('react', async () => {
    await atBobs.react('Hello Bob, tea is ready', '👍');
    await Promise.all([atAlices, atBobs].map((room) => room.seesReaction('Hello Bob, tea is ready', '👍')));
  });
  await step('answer in a thread', async () => {
    await atBobs.replyInThread('Hello Bob, tea is ready', 'Is there cake?');
    await atAlices.openThread('Hello Bob, tea is ready', '1 reply', 'Is there cake?');
    await atAlices.answerInThread('Plum cake');
    await atBobs.seesInThread('Plum cake');
  });
}

/** What somebody finds again after the page was loaded anew, and on devices that come later. */
async function comeBack(alice: WebPerson, another: WebPerson): Promise<void> {
  const readsAll = async (person: WebPerson) => {
    const room = await WebRoom.open(person, ROOM);
    await room.sees('Hello Alice, coming!');
    await room.seesPicture();
    await room.seesReply('Milk or lemon?', 'Lemon, please');
    await room.openThread('Hello Bob, tea is ready', '2 replies', 'Plum cake');
    await room.seesInThread('Is there cake?');
    assert.equal(await room.undecrypted(), 0);
  };
  await step('load the page anew', async () => {
    await alice.reload();
    await readsAll(alice);
  });
  await step('verify a second device', async () => {
    await another.logIn();
    await verifyOwnDevice(another, alice);
    await readsAll(another);
  });
  await step('log out', () => alice.logOut());
  await step('log in with the recovery key', async () => {
    await alice.logIn();
    await alice.recover(recoveryKeys.get(alice) ?? '');
    await readsAll(alice);
  });
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

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import pg from 'pg';
import { ENGINES, makePlace, type TestPlace } from '../../src/testing/server/engines.ts';
import { freePort } from '../../src/testing/server/free-port.ts';
import { TestClient, bodies, type Json } from '../../src/testing/client/test-client.ts';
import { ServerProcess } from '../server-process.ts';
import { AppserviceIrc, findAppserviceIrc, writeRegistration, type BridgeSetting } from './appservice-irc.ts';
import { IrcPerson } from './irc-person.ts';
import { hasIrcServer, startIrcServer } from './irc-server.ts';

const CAROL = '@irc_carol:localhost';

/** A server and the bridge on it, which both can be killed and started again where they were. */
class Scene {
  readonly #place: TestPlace;
  readonly #setting: BridgeSetting;
  #server: ServerProcess | undefined;
  #bridge: AppserviceIrc | undefined;

  constructor(place: TestPlace, setting: BridgeSetting) {
    this.#place = place;
    this.#setting = setting;
  }

  async startServer(): Promise<void> {
    this.#server = await ServerProcess.start({
      ...this.#place.env,
      MYELIN_LISTEN_PORT: new URL(this.#setting.homeserver).port,
      MYELIN_APPLICATION_SERVICES_FILES: writeRegistration(this.#setting),
    });
  }

  async startBridge(): Promise<void> {
    this.#bridge = await AppserviceIrc.start(this.#setting);
  }

  async killServer(): Promise<void> {
    await this.#server?.kill();
  }

  async killBridge(): Promise<void> {
    await this.#bridge?.kill();
  }

  async end(): Promise<void> {
    await this.killBridge();
    await this.killServer();
  }
}

/** Gives the bridge a schema of its own beside the server's tables. */
async function schemaForBridge(place: TestPlace): Promise<string> {
  const url = new URL(place.env.MYELIN_DATABASE_URL ?? '');
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.query('CREATE SCHEMA bridge');
  await client.end();
  url.searchParams.set('options', '-c search_path=bridge');
  return url.href;
}

/** Waits until the person from IRC said this in the room. */
async function hearsOnMatrix(alice: TestClient, roomId: string, text: string): Promise<void> {
  const said = (body: Json): boolean =>
    ((body.rooms?.join?.[roomId]?.timeline?.events ?? []) as Json[]).some(
      (event) => event.sender === CAROL && event.content?.body === text,
    );
  await alice.syncUntil(undefined, said);
}

test('matrix-appservice-irc works, over kill -9 of the server and of the bridge', async (context: TestContext) => {
  const found = findAppserviceIrc();
  if ('missing' in found) return context.skip(found.missing);
  if (!ENGINES.includes('postgres')) return context.skip('The bridge needs a PostgreSQL');
  if (!hasIrcServer()) return context.skip('There is no IRC server (ngircd), and it cannot be installed');
  const place = await makePlace('postgres');
  const irc = await startIrcServer(await freePort(), place.dataDir);
  const homeserver = `http://127.0.0.1:${await freePort()}`;
  const scene = new Scene(place, {
    folder: found.folder,
    dataDir: place.dataDir,
    homeserver,
    port: await freePort(),
    ircPort: irc.port,
    database: await schemaForBridge(place),
  });
  const carol = await IrcPerson.connect(irc.port, 'carol');
  try {
    await carol.join('#garden');
    await scene.startServer();
    await scene.startBridge();
    const alice = await new TestClient(homeserver).register('alice');
    const garden = (await alice.ok('POST', `/v3/join/${encodeURIComponent('#irc_#garden:localhost')}`, {}))
      .room_id as string;
    await carol.sees('alice', 1);

    await alice.say(garden, 'from Matrix');
    await carol.hears('from Matrix');
    carol.say('#garden', 'from IRC');
    await hearsOnMatrix(alice, garden, 'from IRC');

    await alice.say(garden, 'taken before the kill');
    await scene.killServer();
    await scene.startServer();
    await carol.hears('taken before the kill');
    await alice.say(garden, 'after the server');
    await carol.hears('after the server');
    carol.say('#garden', 'after the server on IRC');
    await hearsOnMatrix(alice, garden, 'after the server on IRC');

    await scene.killBridge();
    const missed = ['one', 'two', 'three'].map((name) => `said without a bridge, ${name}`);
    for (const text of missed) await alice.say(garden, text);
    await scene.startBridge();
    await carol.sees('alice', 2);
    await carol.hears(missed.at(-1) ?? '');
    carol.say('#garden', 'after the bridge on IRC');
    await hearsOnMatrix(alice, garden, 'after the bridge on IRC');
    await alice.say(garden, 'after the bridge');
    await carol.hears('after the bridge');

    const texts = ['from Matrix', 'taken before the kill', 'after the server', ...missed, 'after the bridge'];
    // What came before the person was connected again, the bridge says in an order of its own.
    assert.deepEqual(carol.heard.toSorted(), texts.map((text) => `alice: ${text}`).toSorted());
    const page = await alice.ok('GET', alice.room(garden, '/messages?dir=b&limit=100'));
    assert.deepEqual(bodies((page.chunk as Json[]).filter(({ sender }) => sender === CAROL).reverse()), [
      'from IRC',
      'after the server on IRC',
      'after the bridge on IRC',
    ]);
  } finally {
    carol.leave();
    await scene.end();
    irc.stop();
    await place.remove();
  }
});

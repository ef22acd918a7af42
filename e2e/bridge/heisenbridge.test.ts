import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makePlace, type TestPlace } from '../../src/testing/server/engines.ts';
import { TestClient, bodies, type Json } from '../../src/testing/client/test-client.ts';
import { freePort } from '../../src/testing/server/free-port.ts';
import { ServerProcess } from '../server-process.ts';
import { Heisenbridge, installHeisenbridge, registerHeisenbridge } from './heisenbridge.ts';
import { IrcPerson } from './irc-person.ts';
import { hasIrcServer, startIrcServer } from './irc-server.ts';

const OWNER = '@alice:localhost';

/** A server, the bridge on it, an IRC server, and somebody on Matrix who owns the bridge. */
class Scene {
  readonly #place: TestPlace;
  readonly #registration: string;
  readonly #port: number;
  readonly #ircPort: number;
  #server: ServerProcess | undefined;
  #bridge: Heisenbridge | undefined;
  alice = new TestClient('');

  constructor(place: TestPlace, registration: string, port: number, ircPort: number) {
    this.#place = place;
    this.#registration = registration;
    this.#port = port;
    this.#ircPort = ircPort;
  }

  async startServer(): Promise<void> {
    const more = {
      MYELIN_LISTEN_PORT: String(this.#port),
      MYELIN_APPLICATION_SERVICES_FILES: this.#registration,
    };
    this.#server = await ServerProcess.start({ ...this.#place.env, ...more });
  }

  async startBridge(): Promise<void> {
    this.#bridge = await Heisenbridge.start(this.#registration, `http://127.0.0.1:${this.#port}`, OWNER);
  }

  async stopBridge(): Promise<void> {
    await this.#bridge?.stop();
  }

  async killServer(): Promise<void> {
    await this.#server?.kill();
  }

  async register(): Promise<void> {
    this.alice = await new TestClient(`http://127.0.0.1:${this.#port}`).register('alice');
  }

  /** Joins the next room that the bridge invites to; gives its ID. */
  async nextRoom(): Promise<string> {
    const answer = await this.alice.syncUntil(undefined, (body) => body.rooms?.invite !== undefined);
    const [roomId = ''] = Object.keys(answer.rooms.invite);
    await this.alice.join(roomId);
    return roomId;
  }

  /** Has the bridge open a channel; gives the room that it shows it in. */
  async openChannel(channel: string): Promise<string> {
    const control = await this.nextRoom();
    await this.alice.say(control, 'ADDNETWORK test');
    await this.alice.say(control, `ADDSERVER test 127.0.0.1 ${this.#ircPort}`);
    await this.alice.say(control, 'OPEN test');
    const network = await this.nextRoom();
    await this.hears(network, /Welcome/);
    await this.alice.say(network, 'CONNECT');
    await this.hears(network, /Connected|End of|MOTD/);
    await this.alice.say(network, `JOIN ${channel}`);
    return this.nextRoom();
  }

  /** Waits until somebody else said this in a room; gives who. */
  async hears(roomId: string, text: RegExp): Promise<string> {
    const find = (body: Json) =>
      ((body.rooms?.join?.[roomId]?.timeline?.events ?? []) as Json[]).find(
        (event) => event.sender !== OWNER && text.test(event.content?.body ?? ''),
      );
    return find(await this.alice.syncUntil(undefined, (body) => find(body) !== undefined)).sender as string;
  }

  async messagesOf(roomId: string, sender: string): Promise<string[]> {
    const page = await this.alice.ok('GET', this.alice.room(roomId, '/messages?dir=b&limit=100'));
    return bodies((page.chunk as Json[]).filter((event) => event.sender === sender).reverse());
  }

  async end(): Promise<void> {
    await this.#bridge?.stop();
    await this.#server?.kill();
  }
}

/** What must be there for this test; says what is missing. */
async function missing(): Promise<string | undefined> {
  if (!hasIrcServer()) return 'There is no IRC server (ngircd), and it cannot be installed';
  return installHeisenbridge();
}

test('an IRC bridge works, over restarts of the bridge and of the server', async (context: TestContext) => {
  const reason = await missing();
  if (reason !== undefined) return context.skip(reason);
  const place = await makePlace('sqlite');
  const registration = join(place.dataDir, 'heisenbridge.yaml');
  await registerHeisenbridge(registration, await freePort());
  const irc = await startIrcServer(await freePort(), place.dataDir);
  const scene = new Scene(place, registration, await freePort(), irc.port);
  const carol = await IrcPerson.connect(irc.port, 'carol');
  try {
    await scene.startServer();
    await scene.register();
    await scene.startBridge();
    await carol.join('#garden');
    const garden = await scene.openChannel('#garden');
    await carol.sees('alice', 1);

    await scene.alice.say(garden, 'from Matrix');
    await carol.hears('from Matrix');
    carol.say('#garden', 'from IRC');
    assert.equal(await scene.hears(garden, /from IRC/), '@irc_test_carol:localhost');

    await scene.killServer();
    await scene.startServer();
    await scene.alice.say(garden, 'after the server');
    await carol.hears('after the server');
    carol.say('#garden', 'after the server on IRC');
    await scene.hears(garden, /after the server on IRC/);

    await scene.stopBridge();
    await scene.startBridge();
    await carol.sees('alice', 2);
    carol.say('#garden', 'after the bridge on IRC');
    await scene.hears(garden, /after the bridge on IRC/);
    await scene.alice.say(garden, 'after the bridge');
    await carol.hears('after the bridge');

    assert.deepEqual(
      carol.heard.filter((line) => line.startsWith('alice: ')),
      ['alice: from Matrix', 'alice: after the server', 'alice: after the bridge'],
    );
    assert.deepEqual(await scene.messagesOf(garden, '@irc_test_carol:localhost'), [
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

import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { JsonObject } from '../../protocol/json.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { RemoteRoom } from '../../testing/federation/remote-room.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { MOST_AT_ONCE } from './key-turns.ts';

/** Names at which nobody ever answers, and how many of them are asked at once. */
class SilentServers {
  most = 0;
  readonly #listeners: Server[] = [];
  readonly #open = new Set<Socket>();
  readonly #many = Promise.withResolvers<void>();
  readonly #asked = new Set<string>();
  #isOver = false;

  async add(): Promise<string> {
    const listener = createServer((socket) => {
      this.#note(name, socket);
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const name = `localhost:${(listener.address() as AddressInfo).port}`;
    this.#listeners.push(listener);
    return name;
  }

  get asked(): number {
    return this.#asked.size;
  }

  /** Waits until as many are asked as may be. */
  get areMany(): Promise<void> {
    return this.#many.promise;
  }

  /** From here on they end each connection. */
  hangUp(): void {
    this.#isOver = true;
    for (const socket of this.#open) socket.destroy();
  }

  close(): void {
    this.hangUp();
    for (const listener of this.#listeners) listener.close();
  }

  #note(name: string, socket: Socket): void {
    this.#asked.add(name);
    this.#open.add(socket);
    this.most = Math.max(this.most, this.#open.size);
    if (this.#open.size >= MOST_AT_ONCE) this.#many.resolve();
    socket.on('error', () => undefined);
    socket.on('close', () => this.#open.delete(socket));
    if (this.#isOver) socket.destroy();
  }
}

onFederation(
  'a server that sends events in the name of many others makes only so many be asked for keys at once, and hinders nobody',
  async (federation) => {
    const { a, room, roomId } = await roomWithGuest(federation);
    const silent = new SilentServers();
    try {
      const names = await Promise.all(Array.from({ length: 2 * MOST_AT_ONCE }, () => silent.add()));
      const pdus = names.map((name): JsonObject => {
        const { pdu } = room.make({
          ...{ type: 'm.room.message', sender: `@somebody:${name}` },
          content: { msgtype: 'm.text', body: 'never said' },
        });
        return { ...pdu, signatures: { [name]: { 'ed25519:a': 'AAAA' } } };
      });
      const half = pdus.length / 2;
      const sent = [room.sendRaw(...pdus.slice(0, half)), room.sendRaw(...pdus.slice(half))];
      await silent.areMany;
      assert.deepEqual(await room.send(room.say('of its own')), [undefined]);
      const honest = await federation.startRemote();
      const others = await RemoteRoom.join(honest, a.name, roomId);
      assert.deepEqual(await others.send(others.say('of another')), [undefined]);
      silent.hangUp();
      const results = (await Promise.all(sent)).flatMap((one) => Object.values<{ error?: string }>(one));
      assert.equal(results.length, pdus.length);
      for (const { error } of results) assert.match(error ?? '', /is not signed by/);
      assert.equal(silent.asked, pdus.length, 'each in its turn');
      assert.ok(silent.most <= MOST_AT_ONCE, `${silent.most} at once`);
    } finally {
      silent.close();
    }
  },
  { servers: 1 },
);

import assert from 'node:assert/strict';
import { createClient, type MatrixClient, type MatrixEvent, MsgType, Preset, SyncState } from 'matrix-js-sdk';
import { SlidingSync } from 'matrix-js-sdk/lib/sliding-sync.js';
import { onBothEngines } from '../../src/testing/server/engines.ts';
import { ServerProcess } from '../server-process.ts';
import { open, openEncrypted, quiet, register, until, type Login } from './person.ts';

const ENCRYPTION = {
  type: 'm.room.encryption',
  state_key: '',
  content: { algorithm: 'm.megolm.v1.aes-sha2' },
};

/** A list of all rooms, as Element Web asks for it. */
const ROOMS = {
  ranges: [[0, 20]],
  timeline_limit: 20,
  required_state: [
    ['m.room.create', ''],
    ['m.room.encryption', ''],
    ['m.room.join_rules', ''],
    ['m.room.member', '$ME'],
    ['m.room.member', '$LAZY'],
  ],
};

/** A client program that uses sliding sync, with end-to-end encryption. */
async function openSliding(baseUrl: string, login: Login): Promise<MatrixClient> {
  const client = createClient({ baseUrl, ...login, logger: quiet });
  await client.initRustCrypto({ useIndexedDB: false });
  const subscription = { timeline_limit: 50, required_state: [['*', '*']] };
  const slidingSync = new SlidingSync(baseUrl, new Map([['all', ROOMS]]), subscription, client, 5_000);
  await client.startClient({ slidingSync, lazyLoadMembers: true });
  const synced = [SyncState.Prepared, SyncState.Syncing];
  await until(client, 'its first sync', () => synced.includes(client.getSyncState() ?? SyncState.Error));
  return client;
}

function texts(client: MatrixClient, roomId: string): string[] {
  const events: MatrixEvent[] = client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [];
  return events
    .filter((event) => event.getType() === 'm.room.message')
    .map((event) => String(event.getContent().body));
}

function say(client: MatrixClient, roomId: string, body: string): Promise<{ event_id: string }> {
  return client.sendMessage(roomId, { msgtype: MsgType.Text, body });
}

onBothEngines(
  'somebody with matrix-js-sdk’s sliding sync talks with somebody who has the other, encrypted too, across a restart [B138]',
  async (place) => {
    let server = await ServerProcess.start(place.env);
    const clients: MatrixClient[] = [];
    try {
      const [anna, ben] = [await register(server.url, 'anna'), await register(server.url, 'ben')];
      const alice = await openSliding(server.url, anna);
      const bob = await openEncrypted(server.url, ben, { recoveryKey: undefined });
      clients.push(alice, bob);
      const { room_id: plain } = await bob.createRoom({ preset: Preset.PublicChat, name: 'Plain' });
      await say(bob, plain, 'before');
      await bob.invite(plain, alice.getSafeUserId());
      await until(alice, 'the invite', () => alice.getRoom(plain)?.getMyMembership() === 'invite');
      await alice.joinRoom(plain);
      await until(alice, 'what was said before', () => texts(alice, plain).includes('before'));
      const room = await until(
        alice,
        'the name',
        () => alice.getRoom(plain)?.name === 'Plain' && alice.getRoom(plain),
      );
      assert.equal(room.getJoinedMemberCount(), 2);
      await say(alice, plain, 'hello');
      await until(bob, 'the greeting', () => texts(bob, plain).includes('hello'));
      await bob.sendTyping(plain, true, 10_000);
      await until(alice, 'that bob types', () => room.getMember(bob.getSafeUserId())?.typing);
      const { event_id: last } = await say(bob, plain, 'hello back');
      await until(alice, 'the answer', () => texts(alice, plain).includes('hello back'));
      await alice.sendReadReceipt(room.findEventById(last) ?? null);
      await until(alice, 'the receipt', () => room.getEventReadUpTo(alice.getSafeUserId(), true) === last);

      const { room_id: secret } = await bob.createRoom({
        preset: Preset.PrivateChat,
        initial_state: [ENCRYPTION],
        invite: [alice.getSafeUserId()],
      });
      await until(alice, 'the second invite', () => alice.getRoom(secret)?.getMyMembership() === 'invite');
      await alice.joinRoom(secret);
      await until(alice, 'the encryption', () => alice.getRoom(secret)?.hasEncryptionStateEvent());
      await until(bob, 'who joined', () => bob.getRoom(secret)?.getJoinedMemberCount() === 2);
      await say(bob, secret, 'whisper');
      await until(alice, 'the whisper', () => texts(alice, secret).includes('whisper'));
      await say(alice, secret, 'whisper back');
      await until(bob, 'the answer', () => texts(bob, secret).includes('whisper back'));

      await server.stop();
      server = await ServerProcess.start({ ...place.env, MYELIN_LISTEN_PORT: new URL(server.url).port });
      const third = await open(server.url, await register(server.url, 'carla'));
      clients.push(third);
      await third.joinRoom(plain);
      await say(third, plain, 'after the restart');
      await until(alice, 'what is said after', () => texts(alice, plain).includes('after the restart'));
      assert.deepEqual(texts(alice, plain), ['before', 'hello', 'hello back', 'after the restart']);
    } finally {
      for (const client of clients) client.stopClient();
      await server.stop();
    }
  },
);

import assert from 'node:assert/strict';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';

const HELLO = { msgtype: 'm.text', body: 'hello' };

onServers(
  'a transaction ID is of a device and an endpoint, whatever token the device has [B006]',
  async ({ anonymous }) => {
    const alice = await anonymous().register('alice', { refresh_token: true, device_id: 'PHONE' });
    const identifier = { type: 'm.id.user', user: 'alice' };
    const login = { type: 'm.login.password', identifier, password: 'alice password' };
    const logIn = async (device: string) => {
      const wishes = { ...login, device_id: device, refresh_token: true };
      return anonymous().ok('POST', '/v3/login', wishes);
    };
    const room = await alice.createRoom();
    const put = async (path: string, body: object, client = alice): Promise<string> =>
      (await client.ok('PUT', path, body)).event_id;
    const path = alice.room(room, '/send/m.room.message/1');
    const first = await put(path, HELLO);
    assert.equal(await put(path, { ...HELLO, body: 'another' }), first);
    assert.equal(await put(path.replace('/v3/', '/r0/'), HELLO), first, 'the same endpoint by its old name');

    let session = await logIn('PHONE');
    alice.token = session.access_token;
    assert.equal(await put(path, HELLO), first, 'after another log-in of the device');
    session = await alice.ok('POST', '/v3/refresh', { refresh_token: session.refresh_token });
    alice.token = session.access_token;
    assert.equal(await put(path, HELLO), first, 'after a refresh');
    const { rooms } = await alice.sync();
    const shown = rooms.join[room].timeline.events.find((event: Json) => event.event_id === first);
    assert.equal(shown.unsigned.transaction_id, '1');
    assert.equal(shown.content.body, 'hello');

    const other = new TestClient(alice.base, (await logIn('TABLET')).access_token);
    const second = await alice.createRoom();
    const different = [
      first,
      await put(path, HELLO, other),
      await put(alice.room(second, '/send/m.room.message/1'), HELLO),
      await put(alice.room(room, '/send/org.example.other/1'), HELLO),
      await put(alice.room(room, `/redact/${encodeURIComponent(first)}/1`), {}),
    ];
    assert.equal(new Set(different).size, different.length);
    assert.equal(await put(alice.room(room, `/redact/${encodeURIComponent(first)}/1`), {}), different.at(-1));
  },
);

onServers(
  'who logs out and in again with the same device ID may use the transaction IDs again',
  async ({ anonymous }) => {
    const alice = await anonymous().register('alice', { device_id: 'BOT' });
    const room = await alice.createRoom();
    const path = alice.room(room, '/send/m.room.message/1');
    const { event_id: first } = await alice.ok('PUT', path, HELLO);
    const { event_id: redaction } = await alice.ok('PUT', alice.room(room, `/redact/${first}/1`), {});
    await alice.ok('POST', '/v3/logout', {});
    const identifier = { type: 'm.id.user', user: 'alice' };
    const login = { type: 'm.login.password', identifier, password: 'alice password', device_id: 'BOT' };
    alice.token = (await anonymous().ok('POST', '/v3/login', login)).access_token;
    const { event_id: second } = await alice.ok('PUT', path, HELLO);
    assert.notEqual(second, first);
    assert.equal((await alice.ok('PUT', path, HELLO)).event_id, second);
    const again = await alice.ok('PUT', alice.room(room, `/redact/${first}/1`), {});
    assert.notEqual(again.event_id, redaction);
  },
);

onServers(
  'a redaction has the scope of the endpoint that it is sent by, whatever it redacts',
  async ({ person }) => {
    const alice = await person('alice');
    const room = await alice.createRoom();
    const [one, two] = [await alice.say(room, 'one'), await alice.say(room, 'two')];
    const put = async (path: string, body: object): Promise<string> =>
      (await alice.ok('PUT', alice.room(room, path), body)).event_id;
    const first = await put('/send/m.room.redaction/same', { redacts: one });
    assert.equal(await put('/send/m.room.redaction/same', { redacts: two }), first);
    const others = [await put(`/redact/${one}/same`, {}), await put(`/redact/${two}/same`, {})];
    assert.equal(new Set([first, ...others]).size, 3);
  },
);

onServers(
  'what is sent with one transaction ID to two processes at once is one event [B006 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const elsewhere = new TestClient((await s.another()).url, alice.token);
    const room = await alice.createRoom();
    for (let n = 0; n < 10; n++) {
      const path = alice.room(room, `/send/m.room.message/${n}`);
      const answers = await Promise.all(
        [alice, elsewhere, alice, elsewhere].map((client) => client.ok('PUT', path, HELLO)),
      );
      assert.equal(new Set(answers.map((answer) => answer.event_id)).size, 1, `transaction ${n}`);
    }
    const { chunk } = await alice.ok('GET', alice.room(room, '/messages?dir=b&limit=100'));
    assert.equal(chunk.filter((event: Json) => event.type === 'm.room.message').length, 10);
  },
);

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe } from 'node:test';
import {
  AS_TOKEN,
  startAppservice,
  type Received,
} from '../../testing/application-services/application-service.ts';
import { Ghost, withAppservice } from '../../testing/application-services/appservice-scene.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

const says = (text: string) => (request: Received) =>
  request.path.includes('/transactions/') &&
  (request.body.events as Json[]).some((event) => event.content?.body === text);

describe('2015: application services', () => {
  withAppservice(
    'an application service is told in order what concerns it, and nothing else [B117] [B116] [A087] [A089] [A095]',
    async ({ service, person, ghost }) => {
      const alice = await person('alice');
      const elsewhere = await alice.createRoom({ name: 'elsewhere' });
      await alice.say(elsewhere, 'not for the bridge');
      const room = await alice.createRoom({ preset: 'public_chat' });
      const carl = await ghost('_irc_carl');
      await alice.ok('POST', alice.room(room, '/invite'), { user_id: carl.userId });
      await carl.join(room);
      for (const text of ['one', 'two', 'three']) await alice.say(room, text);
      await carl.say(room, 'from irc', { external_url: 'https://irc.example.org/1' });
      const { token } = await service.next(says('from irc'));
      assert.equal(token, 'Bearer token-of-the-homeserver');
      const events = service.events();
      assert.ok(events.every((event) => event.room_id === room));
      const texts = events.flatMap((event) => event.content.body ?? []);
      assert.deepEqual(texts, ['one', 'two', 'three', 'from irc']);
      assert.equal(events.at(-1).content.external_url, 'https://irc.example.org/1');
      const ofCarl = events.filter((event) => event.state_key === carl.userId);
      assert.deepEqual(
        ofCarl.map((event) => event.content.membership),
        ['invite', 'join'],
      );

      await alice.ok('PUT', alice.room(room, `/typing/${encodeURIComponent(alice.userId)}`), {
        typing: true,
        timeout: 20_000,
      });
      const last = await alice.say(room, 'read this');
      await alice.ok('POST', alice.room(room, `/receipt/m.read/${encodeURIComponent(last)}`), {});
      const ofType = (type: string) => (request: Received) =>
        ((request.body?.ephemeral ?? []) as Json[]).some(
          (one) => one.type === type && (type === 'm.presence' || one.room_id === room),
        );
      await service.next(ofType('m.typing'));
      const { body } = await service.next(ofType('m.receipt'));
      const receipt = (body.ephemeral as Json[]).find((one) => one.type === 'm.receipt');
      assert.ok(receipt.content[last]['m.read'][alice.userId]);
      await alice.ok('PUT', `/v3/presence/${encodeURIComponent(alice.userId)}/status`, {
        presence: 'online',
      });
      await service.next(ofType('m.presence'));
    },
  );

  withAppservice(
    'a transaction is sent again as it was until it is taken, over restarts of the server [B117] [A089]',
    async ({ service, person, ghost, stop, start }) => {
      const alice = await person('alice');
      const room = await alice.createRoom({ preset: 'public_chat' });
      const carl = await ghost('_irc_carl');
      await carl.join(room);
      await alice.say(room, 'taken at once');
      await service.next(says('taken at once'));
      service.answer = ({ path }) => (path.includes('/transactions/') ? [500] : [200]);
      await alice.say(room, 'in need of a second try');
      const first = await service.next(says('in need of a second try'));
      const count = service.received.length;
      await stop();
      await start();
      service.answer = () => [200];
      const again = await service.next(
        (request) => service.received.indexOf(request) >= count && says('in need of a second try')(request),
      );
      const idOf = ({ path }: Received) => /\/transactions\/([^?]+)/.exec(path)?.[1];
      assert.equal(idOf(again), idOf(first));
      assert.deepEqual(again.body, first.body);
    },
  );

  withAppservice(
    'no application service acts as the user who sends server notices, whatever its namespaces [A093 partial]',
    async ({ url, service, ghost, stop, start }) => {
      const server = new Ghost(url(), '@_server:localhost');
      const { error } = await server.fails(403, 'M_FORBIDDEN', 'GET', '/v3/account/whoami');
      assert.match(error, /is the server itself/);
      await assert.rejects(ghost('_server'), /M_EXCLUSIVE/);
      await stop();
      const file = readFileSync(service.file, 'utf8');
      writeFileSync(service.file, file.replace(/^sender_localpart: .*$/m, 'sender_localpart: _server'));
      await assert.rejects(start(), /sender_localpart _server, which is the user who sends server notices/);
      writeFileSync(service.file, file);
      await start();
    },
    { namespaces: { users: [{ exclusive: true, regex: '@_.*' }], aliases: [], rooms: [] } },
  );

  withAppservice(
    'users and aliases of a namespace are for its application service alone, and it keeps to them [A093] [A092] [A090] [B121] [B122]',
    async ({ bot, url, person, ghost }) => {
      const alice = await person('alice');
      const anybody = new TestClient(url());
      const auth = { type: 'm.login.dummy' };
      const wishes = { username: '_irc_mallory', password: 'password 1', auth };
      await anybody.fails(400, 'M_EXCLUSIVE', 'POST', '/v3/register', wishes);
      await anybody.fails(400, 'M_EXCLUSIVE', 'GET', '/v3/register/available?username=_irc_mallory');
      const outside = { type: 'm.login.application_service', username: 'freddy' };
      await new TestClient(url(), AS_TOKEN).fails(400, 'M_EXCLUSIVE', 'POST', '/v3/register', outside);
      await anybody.fails(401, 'M_MISSING_TOKEN', 'POST', '/v3/register', outside);
      await new TestClient(url(), 'wrong').fails(401, 'M_UNKNOWN_TOKEN', 'POST', '/v3/register', outside);
      await new TestClient(url(), 'wrong').fails(401, 'M_UNKNOWN_TOKEN', 'POST', '/v3/login', outside);
      const alias = `/v3/directory/room/${encodeURIComponent('#_irc_#tea:localhost')}`;
      const room = await alice.createRoom({ preset: 'public_chat' });
      await alice.fails(400, 'M_EXCLUSIVE', 'PUT', alias, { room_id: room });
      await alice.fails(400, 'M_EXCLUSIVE', 'POST', '/v3/createRoom', { room_alias_name: '_irc_#milk' });

      const carl = await ghost('_irc_carl', 'PHONE');
      await carl.fails(400, 'M_UNKNOWN_DEVICE', 'GET', '/v3/account/whoami');
      const withoutDevice = new Ghost(url(), carl.userId);
      const made = await withoutDevice.ask('PUT', '/v3/devices/PHONE', { display_name: 'bridge' });
      assert.equal(made.status, 201);
      const who = await carl.ok('GET', '/v3/account/whoami');
      assert.deepEqual([who.user_id, who.device_id], [carl.userId, 'PHONE']);
      await carl.ok('DELETE', '/v3/devices/PHONE', {});
      await new Ghost(url(), alice.userId).fails(403, 'M_FORBIDDEN', 'GET', '/v3/account/whoami');
      await new Ghost(url(), '@_irc_nobody:localhost').fails(403, 'M_FORBIDDEN', 'GET', '/v3/account/whoami');
      assert.equal((await bot.ok('GET', '/v3/account/whoami')).user_id, '@ircbot:localhost');
      await withoutDevice.join(room);
      await withoutDevice.ok('PUT', alias, { room_id: room });
      const login = {
        type: 'm.login.application_service',
        identifier: { type: 'm.id.user', user: '_irc_carl' },
      };
      const session = await new TestClient(url(), AS_TOKEN).ok('POST', '/v3/login', login);
      assert.equal(session.user_id, carl.userId);
      await anybody.fails(401, 'M_MISSING_TOKEN', 'POST', '/v3/login', login);
      assert.equal(
        (await new TestClient(url(), session.access_token).ok('GET', '/v3/joined_rooms')).joined_rooms[0],
        room,
      );
    },
  );

  withAppservice(
    'an application service says when something happened; from others that is ignored [B123] [A091]',
    async ({ person, ghost }) => {
      const alice = await person('alice');
      const carl = await ghost('_irc_carl');
      const room = await alice.createRoom({ preset: 'public_chat' });
      await carl.join(room);
      const sendAt = async (client: TestClient, txn: string) => {
        const path = client.room(room, `/send/m.room.message/${txn}?ts=1234567890000`);
        const { event_id: id } = await client.ok('PUT', path, { msgtype: 'm.text', body: 'then' });
        return (await alice.ok('GET', alice.room(room, `/event/${encodeURIComponent(id)}`))).origin_server_ts;
      };
      assert.equal(await sendAt(carl, 'a'), 1_234_567_890_000);
      assert.notEqual(await sendAt(alice, 'b'), 1_234_567_890_000);
      await carl.fails(400, 'M_INVALID_PARAM', 'PUT', carl.room(room, '/send/m.room.message/c?ts=-1'), {});
    },
  );

  withAppservice(
    'users and aliases that do not exist are asked for, and made meanwhile [B119] [A088]',
    async ({ service, bot, person, ghost }) => {
      const alice = await person('alice');
      service.answer = async ({ path }) => {
        if (path.includes('/users/') && path.includes('_irc_dora')) {
          await ghost('_irc_dora');
          return [200];
        }
        if (path.includes('/rooms/') && path.includes('tea')) {
          await bot.createRoom({ preset: 'public_chat', room_alias_name: '_irc_#tea' });
          return [200];
        }
        return path.includes('/transactions/') ? [200] : [404, { errcode: 'M_NOT_FOUND' }];
      };
      const room = await alice.createRoom();
      await alice.ok('POST', alice.room(room, '/invite'), { user_id: '@_irc_dora:localhost' });
      await service.next(({ path }) => path.includes('/_matrix/app/v1/users/'));
      await alice.join('#_irc_#tea:localhost');
      await alice.fails(
        404,
        'M_NOT_FOUND',
        'POST',
        `/v3/join/${encodeURIComponent('#_irc_#none:localhost')}`,
        {},
      );
    },
  );

  withAppservice('a service whose router says M_NOT_FOUND is told on the old paths [B125]', async (scene) => {
    const { service, person, ghost } = scene;
    service.answer = ({ path }) =>
      path.startsWith('/_matrix/app/v1/') ? [404, { errcode: 'M_NOT_FOUND', error: 'No such route' }] : [200];
    const alice = await person('alice');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await (await ghost('_irc_carl')).join(room);
    await alice.say(room, 'to an old one');
    const isTold = ({ path, body }: Received) =>
      path.startsWith('/transactions/') &&
      (body.events as Json[]).some((event) => event.content?.body === 'to an old one');
    await service.next(isTold);
  });

  withAppservice('whom an application service acts as is no field of a network', async (scene) => {
    const { service, ghost } = scene;
    const user = { userid: '@_irc_carl:localhost', protocol: 'irc', fields: {} };
    service.answer = ({ path }) => (path.includes('/thirdparty/') ? [200, [user]] : [200]);
    const carl = await ghost('_irc_carl');
    await carl.ok('GET', '/v3/thirdparty/user/irc?nick=carl');
    const { path } = await service.next((request) => request.path.includes('/thirdparty/user/irc'));
    assert.ok(path.includes('nick=carl') && !path.includes('user_id='), path);
  });

  withAppservice('a service that knows only the old paths is asked on those [B125]', async (scene) => {
    const { service, person, ghost } = scene;
    service.answer = ({ path }) => (path.startsWith('/_matrix/app/v1/') ? [404] : [200]);
    const alice = await person('alice');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await (await ghost('_irc_carl')).join(room);
    await alice.say(room, 'to an old one');
    await service.next(
      (request) => request.path.startsWith('/transactions/') && says('to an old one')(request),
    );
  });

  withAppservice(
    'an application service pings itself through the server [B118]',
    async ({ service, bot, person }) => {
      const path = '/v1/appservice/irc/ping';
      const { duration_ms: ms } = await bot.ok('POST', path, { transaction_id: 'meow' });
      assert.equal(typeof ms, 'number');
      const ping = await service.next((request) => request.path.startsWith('/_matrix/app/v1/ping'));
      assert.deepEqual(ping.body, { transaction_id: 'meow' });
      service.answer = () => [403, { errcode: 'M_FORBIDDEN' }];
      const refused = await bot.fails(502, 'M_BAD_STATUS', 'POST', path, {});
      assert.equal(refused.status, 403);
      await bot.fails(403, 'M_FORBIDDEN', 'POST', '/v1/appservice/other/ping', {});
      await (await person('alice')).fails(403, 'M_FORBIDDEN', 'POST', path, {});
    },
  );

  withAppservice(
    'networks are looked up at their application services, and have directories of their own [B120] [B124] [B080] [B033 partial]',
    async ({ service, bot, person }) => {
      const protocol = {
        user_fields: ['nick'],
        location_fields: ['channel'],
        icon: 'mxc://localhost/icon',
        field_types: {
          nick: { regexp: '.+', placeholder: 'nick' },
          channel: { regexp: '#.+', placeholder: '#tea' },
        },
        instances: [{ desc: 'Freenode', network_id: 'freenode', fields: {} }],
      };
      const place = { alias: '#_irc_#tea:localhost', protocol: 'irc', fields: { channel: '#tea' } };
      const user = { userid: '@_irc_carl:localhost', protocol: 'irc', fields: { nick: 'carl' } };
      service.answer = ({ path }) => {
        if (path.includes('/thirdparty/protocol/irc')) return [200, protocol];
        if (path.includes('/thirdparty/location')) return [200, [place]];
        if (path.includes('/thirdparty/user')) return [200, [user]];
        return [200];
      };
      const alice = await person('alice');
      const { irc } = await alice.ok('GET', '/v3/thirdparty/protocols');
      const [instance] = irc.instances;
      assert.equal(instance.network_id, 'freenode');
      assert.deepEqual(await alice.ok('GET', '/v3/thirdparty/location/irc?channel=%23tea'), [place]);
      await service.next(
        ({ path }) => path.includes('/thirdparty/location/irc') && path.includes('channel=%23tea'),
      );
      assert.deepEqual(await alice.ok('GET', '/v3/thirdparty/user/irc?nick=carl'), [user]);
      const alias = encodeURIComponent(place.alias);
      assert.deepEqual(await alice.ok('GET', `/v3/thirdparty/location?alias=${alias}`), [place]);
      const id = encodeURIComponent(user.userid);
      assert.deepEqual(await alice.ok('GET', `/v3/thirdparty/user?userid=${id}`), [user]);
      await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/thirdparty/protocol/xmpp');

      const room = await bot.createRoom({ preset: 'public_chat', name: 'tea' });
      const list = `/v3/directory/list/appservice/freenode/${encodeURIComponent(room)}`;
      await alice.fails(403, 'M_FORBIDDEN', 'PUT', list, { visibility: 'public' });
      await bot.ok('PUT', list, { visibility: 'public' });
      const of = { third_party_instance_id: instance.instance_id };
      const rooms = async (body: object) =>
        ((await alice.ok('POST', '/v3/publicRooms', body)).chunk as Json[]).map((one) => one.room_id);
      assert.deepEqual(await rooms(of), [room]);
      assert.deepEqual(await rooms({}), []);
      assert.deepEqual(await rooms({ include_all_networks: true }), [room]);
      await bot.ok('PUT', list, { visibility: 'private' });
      assert.deepEqual(await rooms(of), []);
    },
  );
});

for (const path of ['/_matrix/client/api/v1/register', '/_matrix/client/v2_alpha/register']) {
  withAppservice(`an application service makes its users on ${path} [A092]`, async ({ url }) => {
    const wishes = { type: 'm.login.application_service', user: '_irc_old' };
    const made = await new TestClient(url()).ok('POST', `${path}?access_token=${AS_TOKEN}`, wishes);
    assert.equal(made.user_id, '@_irc_old:localhost');
    await new TestClient(url()).fails(401, 'M_MISSING_TOKEN', 'POST', path, wishes);
  });
}

const limited = await startAppservice({ rate_limited: true });
onServers(
  'the sender of an application service is never limited, whatever its users are',
  async ({ server }) => {
    try {
      const bot = new Ghost(server.url, '@ircbot:localhost');
      const room = await bot.createRoom();
      for (let i = 0; i < 12; i++) await bot.say(room, `m${i}`);
    } finally {
      await limited.close();
    }
  },
  {
    engines: ['sqlite'],
    env: {
      MYELIN_LIMITS_ENABLED: 'true',
      MYELIN_LIMITS_MESSAGE_PER_SECOND: '0.01',
      MYELIN_LIMITS_MESSAGE_BURST: '5',
      MYELIN_APPLICATION_SERVICES_FILES: limited.file,
    },
  },
);

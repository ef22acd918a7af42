import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe } from 'node:test';
import { AS_TOKEN, startAppservice } from '../../testing/application-services/application-service.ts';
import { Ghost, withAppservice } from '../../testing/application-services/appservice-scene.ts';
import { TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

const EVERYBODY = { namespaces: { users: [{ exclusive: true, regex: '@.*' }], aliases: [], rooms: [] } };

describe('2015: application services', () => {
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
    'nobody gets a name of a namespace by leaving the choice to the server [A093 partial]',
    async ({ url }) => {
      const anybody = new TestClient(url());
      const wishes = { password: 'password 1', auth: { type: 'm.login.dummy' } };
      await anybody.fails(400, 'M_EXCLUSIVE', 'POST', '/v3/register', wishes);
    },
    EVERYBODY,
  );

  withAppservice(
    'the server chooses another name where the first is of a namespace [A093 partial]',
    async ({ url }) => {
      const wishes = { password: 'password 1', auth: { type: 'm.login.dummy' } };
      for (let i = 0; i < 12; i++) {
        const { user_id: chosen } = await new TestClient(url()).ok('POST', '/v3/register', wishes);
        assert.match(chosen, /^@[n-z0-9]/);
      }
    },
    { namespaces: { users: [{ exclusive: true, regex: '@[^n-z0-9].*' }], aliases: [], rooms: [] } },
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
});

for (const path of ['/_matrix/client/api/v1/register', '/_matrix/client/v2_alpha/register']) {
  withAppservice(`an application service makes its users on ${path} [A092]`, async ({ url }) => {
    const wishes = { type: 'm.login.application_service', user: '_irc_old' };
    const made = await new TestClient(url()).ok('POST', `${path}?access_token=${AS_TOKEN}`, wishes);
    assert.equal(made.user_id, '@_irc_old:localhost');
    await new TestClient(url()).fails(401, 'M_MISSING_TOKEN', 'POST', path, wishes);
  });
}

const ofEverybody = await startAppservice(EVERYBODY);
onServers(
  'nobody is a guest where all names belong to an application service [A093 partial]',
  async (s) => {
    try {
      await s.anonymous().fails(400, 'M_EXCLUSIVE', 'POST', '/v3/register?kind=guest', {});
    } finally {
      await ofEverybody.close();
    }
  },
  {
    engines: ['sqlite'],
    env: { MYELIN_REGISTRATION_GUESTS: 'true', MYELIN_APPLICATION_SERVICES_FILES: ofEverybody.file },
  },
);

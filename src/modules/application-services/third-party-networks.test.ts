import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { withAppservice } from '../../testing/application-services/appservice-scene.ts';
import type { Json } from '../../testing/client/test-client.ts';

describe('2015: application services', () => {
  withAppservice('whom an application service acts as is no field of a network', async (scene) => {
    const { service, ghost } = scene;
    const user = { userid: '@_irc_carl:localhost', protocol: 'irc', fields: {} };
    service.answer = ({ path }) => (path.includes('/thirdparty/') ? [200, [user]] : [200]);
    const carl = await ghost('_irc_carl');
    await carl.ok('GET', '/v3/thirdparty/user/irc?nick=carl');
    const { path } = await service.next((request) => request.path.includes('/thirdparty/user/irc'));
    assert.ok(path.includes('nick=carl') && !path.includes('user_id='), path);
  });

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

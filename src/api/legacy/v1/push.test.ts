import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../../testing/test-client.ts';
import { onServers } from '../../../testing/test-server.ts';
import { v1People } from '../../../testing/v1-client.ts';

describe('2015: push', () => {
  onServers(
    'rules are read, added, moved, switched and removed at the paths of then [A072 partial]',
    async (server) => {
      const [alice] = await v1People(server, 'alice');
      const all = await alice.ok('GET', '/pushrules/');
      assert.deepEqual(Object.keys(all).sort(), ['device', 'global']);
      const rule = (id: string, query = '') => `/pushrules/global/content/${id}${query}`;
      await alice.ok('PUT', rule('cats'), { pattern: 'cat', actions: ['notify'] });
      await alice.ok('PUT', rule('dogs', '?after=cats'), { pattern: 'dog', actions: ['dont_notify'] });
      const own = async (): Promise<Json[]> =>
        (await alice.ok('GET', '/pushrules/global/')).content.filter((one: Json) => !one.default);
      assert.deepEqual(
        (await own()).map(({ rule_id: id }) => id),
        ['cats', 'dogs'],
      );
      for (const enabled of [false, true]) {
        await alice.ok('PUT', `${rule('cats')}/enabled`, String(enabled));
        assert.equal((await alice.ok('GET', rule('cats'))).enabled, enabled);
      }
      await alice.ok('PUT', `${rule('cats')}/enabled`, { enabled: false });
      assert.equal((await alice.ok('GET', rule('cats'))).enabled, false);
      await alice.ok('DELETE', rule('cats'));
      await alice.fails(404, 'M_NOT_FOUND', 'GET', rule('cats'));
    },
  );

  onServers('pushers are set and removed at the path of then [A075 partial]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const pusher = {
      ...{ kind: 'http', app_id: 'org.example', pushkey: 'key', lang: 'en', append: false },
      ...{ app_display_name: 'App', device_display_name: 'Phone', profile_tag: 'phone' },
      data: { url: 'https://push.example.org/_matrix/push/v1/notify' },
    };
    const keys = async (): Promise<string[]> =>
      (await alice.ok('GET', '/_matrix/client/v3/pushers')).pushers.map((one: Json) => one.pushkey);
    await alice.ok('POST', '/pushers/set', pusher);
    assert.deepEqual(await keys(), ['key']);
    await alice.ok('POST', '/pushers/set', { ...pusher, kind: null });
    assert.deepEqual(await keys(), []);
  });
});

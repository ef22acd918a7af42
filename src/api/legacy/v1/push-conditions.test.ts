import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { match, onDevices, sounding, sounds } from './testing/told-devices.ts';

describe('2015: push', () => {
  onDevices(
    'a pattern without wildcards matches anything that contains it, for clients of today, too [A072 partial]',
    async ({ alice, bob, room, phone }) => {
      const set = (path: string, rule: object) => bob.ok('PUT', `/pushrules/global/${path}`, rule);
      const conditions = [match('content.body', 'beer'), match('content.msgtype', 'emote')];
      await set('content/cake', sounding('cake', { pattern: 'cake' }));
      await set('content/lie', sounding('lie', { pattern: 'pie*lie' }));
      await set('override/beer', sounding('beer', { conditions }));
      const said = [
        ['cheesecakes', 'm.text', 'cake'],
        ['a pie is no lie', 'm.text', 'lie'],
        ['magpies lied', 'm.text', undefined],
        ['gingerbeer', 'm.emote', 'beer'],
      ] as const;
      const ids: string[] = [];
      for (const [body, msgtype] of said) ids.push(await alice.say(room, body, { msgtype }));
      const told = await sounds(phone, ids.at(-1) ?? '');
      const heard = ids.map((id) => told.get(id));
      assert.deepEqual(
        heard.map((sound) => (sound === 'default' ? undefined : sound)),
        said.map(([, , sound]) => sound),
      );
      assert.equal((await bob.ok('GET', '/pushrules/global/content/cake')).pattern, 'cake');
      assert.deepEqual((await bob.ok('GET', '/pushrules/global/override/beer')).conditions, conditions);
      const ofToday = await bob.ok('GET', '/_matrix/client/v3/pushrules/global/content/cake');
      assert.equal(ofToday.pattern, '*cake*');
    },
  );

  onDevices(
    'a pattern may be as long for clients of then as for those of today [A072 partial]',
    async ({ bob }) => {
      const path = (name: string) => `/pushrules/global/${name}`;
      const pattern = 'x'.repeat(512);
      const conditions = [match('content.topic', pattern)];
      await bob.ok('PUT', path('content/long'), sounding('long', { pattern }));
      await bob.ok('PUT', path('override/long'), sounding('long', { conditions }));
      assert.equal((await bob.ok('GET', path('content/long'))).pattern, pattern);
      assert.deepEqual((await bob.ok('GET', path('override/long'))).conditions, conditions);
      const longer = await bob.ask('PUT', path('content/long'), sounding('long', { pattern: `${pattern}x` }));
      assert.equal(longer.status, 400);
    },
  );

  onDevices(
    'a condition names whoever sent the event as events of then do [A072 partial]',
    async ({ alice, bob, carol, room, phone }) => {
      const conditions = [match('user_id', '@alice:*')];
      await bob.ok('PUT', '/pushrules/global/override/hers', sounding('hers', { conditions }));
      await carol.join(room);
      const ids = [await alice.say(room, 'hello'), await carol.say(room, 'hello')];
      const told = await sounds(phone, ids[1] ?? '');
      assert.equal(told.get(ids[0] ?? ''), 'hers');
      assert.notEqual(told.get(ids[1] ?? ''), 'hers');
      assert.deepEqual((await bob.ok('GET', '/pushrules/global/override/hers')).conditions, conditions);
      const ofToday = await bob.ok('GET', '/_matrix/client/v3/pushrules/global/override/hers');
      assert.equal(ofToday.conditions[0].key, 'sender');
    },
  );
});

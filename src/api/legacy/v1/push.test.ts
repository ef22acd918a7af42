import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../../testing/client/test-client.ts';
import { v1People, type V1Client } from '../../../testing/client/v1-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { match, onDevices, sounding, sounds } from './testing/told-devices.ts';

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

  onDevices(
    'rules of a device come before those of all, each kind in its place, and the first that matches decides [A072]',
    async ({ alice, bob, room, phone, desk }) => {
      const expected: [string, string | undefined, string | undefined][] = [];
      /** What the phone and the desk are to be told of a message. */
      const hears = async (body: string, ...wanted: [phone: string | undefined, desk: string | undefined]) =>
        expected.push([await alice.say(room, body), ...wanted]);
      const set = (path: string, rule: object) => bob.ok('PUT', `/pushrules/${path}`, rule);
      const here = encodeURIComponent(room);
      const always = { conditions: [] };

      await set('global/underride/u', sounding('all under', always));
      await hears('x', 'all under', 'all under');
      await set(`global/sender/${alice.userId}`, sounding('all sender'));
      await set(`global/room/${here}`, sounding('all room'));
      await set('global/content/c', sounding('all content', { pattern: 'tea' }));
      await hears('x', 'all room', 'all room');
      await hears('tea', 'all content', 'all content');
      await set('global/override/o', sounding('all over', { conditions: [match('content.body', 'tea*')] }));
      await hears('tea', 'all over', 'all over');

      await set('device/phone/underride/u', sounding('under', always));
      await hears('tea', 'under', 'all over');
      await set(`device/phone/sender/${alice.userId}`, sounding('sender'));
      await hears('tea', 'sender', 'all over');
      await set(`device/phone/room/${here}`, sounding('room'));
      await hears('tea', 'room', 'all over');
      await set('device/phone/content/c', sounding('tea', { pattern: 'tea' }));
      await set('device/phone/content/d', sounding('time', { pattern: 'time' }));
      await hears('time for tea', 'time', 'all over');
      await set('device/phone/content/d?after=c', sounding('time', { pattern: 'time' }));
      await hears('time for tea', 'tea', 'all over');
      await set('device/phone/content/e?before=c', sounding('cup', { pattern: 'cup' }));
      await hears('a cup of tea', 'cup', 'all over');
      await bob.ok('PUT', '/pushrules/device/phone/content/e/enabled', 'false');
      await hears('a cup of tea', 'tea', 'all over');
      await set(
        'device/phone/override/two',
        sounding('two', { conditions: [{ kind: 'room_member_count', is: '2' }] }),
      );
      await hears('tea', 'two', 'all over');
      await bob.ok('DELETE', '/pushrules/device/phone/override/two');
      await set('device/phone/override/quiet', { ...always, actions: ['dont_notify'] });
      await hears('tea', undefined, 'all over');
      await bob.ok('DELETE', '/pushrules/device/phone/override/quiet');

      const desks = { conditions: [{ kind: 'profile_tag', profile_tag: 'desk' }] };
      await set('global/override/desks', sounding('desk', desks));
      await hears('tea', 'tea', 'desk');
      await bob.ok('PUT', `/profile/${bob.userId}/displayname`, { displayname: 'Bobby Tables' });
      const named = { conditions: [{ kind: 'contains_display_name' }] };
      await set('device/phone/override/named', sounding('name', named));
      await hears('hello bobby tables', 'name', 'desk');
      await hears('hello bobby', 'room', 'desk');

      const last = expected.at(-1)?.[0] ?? '';
      const [onPhone, onDesk] = [await sounds(phone, last), await sounds(desk, last)];
      assert.deepEqual(
        expected.map(([id]) => [id, onPhone.get(id), onDesk.get(id)]),
        expected,
      );

      const all = await bob.ok('GET', '/pushrules/');
      assert.deepEqual(Object.keys(all.device), ['phone']);
      const kinds = ['content', 'override', 'room', 'sender', 'underride'];
      assert.deepEqual(Object.keys(all.device.phone).sort(), kinds);
      assert.deepEqual(Object.keys(all.global).sort(), kinds);
      assert.deepEqual(await bob.ok('GET', '/pushrules/device/phone/'), all.device.phone);
      assert.deepEqual(await bob.ok('GET', '/pushrules/device/'), all.device);
      const rule = await bob.ok('GET', '/pushrules/device/phone/content/e');
      assert.deepEqual([rule.pattern, rule.enabled, rule.default], ['cup', false, false]);
      await bob.fails(404, 'M_NOT_FOUND', 'GET', '/pushrules/device/desk/content/e');
      await bob.fails(400, 'M_UNKNOWN', 'PUT', '/pushrules/device/phone/content/f?before=nothing', {
        ...sounding('x', { pattern: 'x' }),
      });
      const today = await bob.ok('GET', '/_matrix/client/v3/pushrules/global/content/c');
      assert.equal(today.pattern, '*tea*');
      await bob.fails(404, 'M_NOT_FOUND', 'GET', '/_matrix/client/v3/pushrules/global/content/e');
    },
  );

  onDevices('actions say whether and how one is told [A073]', async ({ alice, bob, room, phone }) => {
    const rules: [string, (string | object)[], object | undefined][] = [
      ['plain', ['notify'], {}],
      ['never', ['dont_notify'], undefined],
      ['together', ['coalesce'], {}],
      ['loud', ['notify', { set_tweak: 'sound', value: 'cake.wav' }], { sound: 'cake.wav' }],
      ['bright', ['notify', { set_tweak: 'highlight' }], { highlight: true }],
      ['dim', ['notify', { set_tweak: 'highlight', value: false }], { highlight: false }],
      ['own', ['notify', { set_tweak: 'org.example.lamp', value: 'red' }], { 'org.example.lamp': 'red' }],
    ];
    const sent: string[] = [];
    for (const [word, actions] of rules) {
      await bob.ok('PUT', `/pushrules/global/content/${word}`, { pattern: word, actions });
      sent.push(await alice.say(room, word));
    }
    await phone.until(() => phone.eventIds.includes(sent.at(-1) ?? ''));
    const told = new Map(phone.taken.map((one) => [one.event_id, one.devices[0].tweaks]));
    assert.deepEqual(
      sent.map((id) => told.get(id)),
      rules.map(([, , tweaks]) => tweaks),
    );
  });

  onDevices(
    'rules are there from the beginning, and nobody is told of what they say themselves [A074]',
    async ({ alice, bob, carol, room, phone }) => {
      const { global } = await bob.ok('GET', '/pushrules/');
      const ids = Object.values(global as Record<string, Json[]>).flatMap((rules) =>
        rules.filter((rule) => rule.default).map((rule) => rule.rule_id),
      );
      for (const name of ['contains_display_name', 'room_one_to_one', 'suppress_notices', 'fallback']) {
        assert.ok(ids.includes(`.m.rule.${name}`), name);
      }
      const [named] = global.content;
      assert.deepEqual([named.rule_id, named.pattern], ['.m.rule.contains_user_name', 'bob']);
      await bob.ok('PUT', `/profile/${bob.userId}/displayname`, { displayname: 'Sir Robert' });
      const one = await alice.say(room, 'just the two of us');
      await carol.join(room);
      const said = {
        user: await alice.say(room, 'is Bob there?'),
        name: await alice.say(room, 'is sir robert there?'),
        notice: await alice.say(room, 'bob: the build is green', { msgtype: 'm.notice' }),
        own: await bob.say(room, 'bob is here'),
        other: await alice.say(room, 'nothing in particular'),
      };
      await bob.ok('PUT', '/pushrules/global/underride/.m.rule.fallback/enabled', 'false');
      await alice.say(room, 'nobody is told of this');
      const last = await alice.say(room, 'bob, again');
      const told = await sounds(phone, last);
      assert.deepEqual(
        [...told],
        [
          [one, 'default'],
          [said.user, 'default'],
          [said.name, 'default'],
          [said.other, 'none'],
          [last, 'default'],
        ],
      );
    },
    { MYELIN_PUSH_MENTIONS_IN_TEXT: 'true' },
  );

  onDevices(
    'a notification that is of another count alone has the keys that each must have [A075 partial]',
    async ({ alice, bob, room, phone }) => {
      const said = await alice.say(room, 'hello');
      await phone.until(() => phone.eventIds.includes(said));
      await bob.ok('POST', `/_matrix/client/v2_alpha${bob.room(room, `/receipt/m.read/${said}`)}`, {});
      const isOfCount = ({ body }: { body: Json }) => body.notification.event_id === undefined;
      await phone.until(() => phone.requestsTaken.some(isOfCount));
      const { notification } = phone.requestsTaken.find(isOfCount)?.body as Json;
      const { id, room_id: roomId, type, sender } = notification;
      assert.deepEqual([id, roomId, type, sender], ['', '', '', '']);
    },
  );

  onDevices(
    'gateways are told in the form of then, tried again, and not told for keys that they reject [A075]',
    async ({ alice, bob, room, phone, desk, push }) => {
      await bob.ok('PUT', '/pushrules/global/content/cake', sounding('cake.wav', { pattern: 'cake' }));
      await alice.setState(room, 'm.room.name', { name: 'Mission Control' });
      phone.mood = 503;
      const id = await alice.say(room, 'there is cake');
      await desk.until(() => desk.eventIds.includes(id));
      await phone.until(() => phone.requests >= 2);
      phone.mood = 'silent';
      await phone.until(() => phone.requests >= 3);
      await push(bob, phone);
      phone.mood = 'accept';
      await phone.until(() => phone.eventIds.includes(id));
      for (const [gateway, tag] of [
        [phone, 'phone'],
        [desk, 'desk'],
      ] as const) {
        const [{ path, body }] = gateway.requestsTaken.filter(
          ({ body: one }) => one.notification.id === id,
        ) as [{ path: string; body: Json }];
        assert.equal(path, '/tell');
        const { notification, counts, devices } = body;
        assert.deepEqual(
          [notification.room_id, notification.type, notification.sender],
          [...[room, 'm.room.message', alice.userId]],
        );
        assert.deepEqual(notification.content, { msgtype: 'm.text', body: 'there is cake' });
        const names = [notification.room_name, notification.sender_display_name, notification.prio];
        assert.deepEqual(names, ['Mission Control', 'alice', 'high']);
        assert.ok(counts.unread >= 1);
        assert.equal(devices.length, 1);
        const [{ pushkey_ts: ts, ...device }] = devices;
        assert.ok(Number.isInteger(ts) && Math.abs(ts - Date.now() / 1000) < 60);
        const tweaks = { sound: 'cake.wav' };
        assert.deepEqual(device, { app_id: 'org.example', pushkey: tag, data: {}, tweaks });
      }

      desk.rejected.add('desk');
      const refused = await alice.say(room, 'more cake');
      await desk.until(() => desk.eventIds.includes(refused));
      await phone.until(() => phone.eventIds.includes(refused));
      const last = await alice.say(room, 'still cake');
      await phone.until(() => phone.eventIds.includes(last));
      assert.ok(!desk.eventIds.includes(last), 'the key was rejected');
      const keys = async (person: V1Client): Promise<string[]> =>
        (await person.ok('GET', '/_matrix/client/v3/pushers')).pushers.map((one: Json) => one.pushkey);
      assert.deepEqual(await keys(bob), ['phone']);

      await push(alice, phone, { append: true });
      assert.deepEqual([await keys(alice), await keys(bob)], [['phone'], ['phone']]);
      await push(alice, phone);
      assert.deepEqual(
        [await keys(alice), await keys(bob)],
        [['phone'], []],
        'the key is somebody else’s now',
      );
      await push(alice, phone, { kind: null });
      assert.deepEqual(await keys(alice), []);
      const missing = await bob.fails(400, 'M_MISSING_PARAM', 'POST', '/pushers/set', {
        ...{ kind: 'http', app_id: 'a', pushkey: 'k', app_display_name: 'A', device_display_name: 'D' },
        profile_tag: 't',
      });
      assert.equal(missing.error, 'Missing parameters: lang, data');
      await bob.fails(400, 'M_INVALID_PARAM', 'POST', '/pushers/set', {
        ...{
          kind: 'http',
          app_id: 'a',
          pushkey: 'k',
          app_display_name: 'A',
          device_display_name: 'D',
          lang: 'en',
        },
        ...{ profile_tag: 'x'.repeat(33), data: { url: 'https://push.example.org/tell' } },
      });
    },
  );
});

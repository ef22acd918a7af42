import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';

const RULES = '/v3/pushrules/global';

function sounding(name: string, more: object = {}): object {
  return { actions: ['notify', { set_tweak: 'sound', value: name }], ...more };
}

/** The sound of the rule that notified of the newest event; undefined when the event notified of nothing. */
async function soundOf(client: TestClient, eventId: string): Promise<string | undefined> {
  const { notifications } = await client.ok('GET', '/v3/notifications?limit=1');
  const [newest] = notifications;
  if (newest?.event.event_id !== eventId) return undefined;
  return newest.actions.find((action: Json) => action.set_tweak === 'sound')?.value ?? 'silent';
}

onServers(
  'the first rule that matches decides, kind after kind, in an order that can be changed [B061] [A072 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const hear = async (body: string, more: object = {}) => soundOf(bob, await alice.say(room, body, more));
    const set = (path: string, rule: object) => bob.ok('PUT', `${RULES}/${path}`, rule);
    const roomRule = `room/${encodeURIComponent(room)}`;

    assert.equal(await hear('a predefined rule'), 'default');
    const every = { conditions: [{ kind: 'event_match', key: 'type', pattern: 'm.room.*' }] };
    await set('underride/mine', sounding('underride', every));
    assert.equal(await hear('x'), 'underride');
    await set(`sender/${alice.userId}`, sounding('sender'));
    assert.equal(await hear('x'), 'sender');
    await set(roomRule, sounding('room'));
    assert.equal(await hear('x'), 'room');
    await set('content/tea', sounding('tea', { pattern: 'tea' }));
    await set('content/time', sounding('time', { pattern: 'time' }));
    assert.equal(await hear('time for tea'), 'time');
    await set('content/time?after=tea', sounding('time', { pattern: 'time' }));
    assert.equal(await hear('time for tea'), 'tea');
    await set('content/cup?before=tea', sounding('cup', { pattern: 'cup*tea' }));
    assert.equal(await hear('time for a cup of tea'), 'cup');
    await set('override/few', sounding('few', { conditions: [{ kind: 'room_member_count', is: '<3' }] }));
    assert.equal(await hear('tea'), 'few');
    const isLoud = { kind: 'event_property_is', key: 'content.loud', value: true };
    const hasTag = { kind: 'event_property_contains', key: 'content.tags', value: 'a' };
    await set('override/special', sounding('special', { conditions: [isLoud, hasTag] }));
    assert.equal(await hear('tea', { loud: true }), 'few');
    assert.equal(await hear('tea', { loud: true, tags: ['b', 'a'] }), 'special');

    await set('override/special/enabled', { enabled: false });
    assert.deepEqual(await bob.ok('GET', `${RULES}/override/special/enabled`), { enabled: false });
    await set('override/few/actions', { actions: ['dont_notify'] });
    assert.deepEqual((await bob.ok('GET', `${RULES}/override/few/actions`)).actions, ['dont_notify']);
    assert.equal(await hear('tea', { loud: true, tags: ['a'] }), undefined);
    await bob.ok('DELETE', `${RULES}/override/few`);
    assert.equal(await hear('tea'), 'tea');
    await set('override/.m.rule.master/enabled', { enabled: true });
    assert.equal(await hear('tea', { 'm.mentions': { user_ids: [bob.userId] } }), undefined);

    const all = (await bob.ok('GET', '/v3/pushrules/')).global;
    assert.deepEqual(await bob.ok('GET', `${RULES}/`), all);
    const own = (kind: string) =>
      all[kind].filter((one: Json) => !one.default).map((one: Json) => one.rule_id);
    assert.deepEqual(own('content'), ['cup', 'tea', 'time']);
    assert.deepEqual(own('override'), ['special']);
    assert.deepEqual(all.room[0], await bob.ok('GET', `${RULES}/${roomRule}`));
    await bob.fails(404, 'M_NOT_FOUND', 'GET', `${RULES}/content/none`);
    await bob.fails(
      400,
      'M_UNKNOWN',
      'PUT',
      `${RULES}/content/x?before=none`,
      sounding('x', { pattern: 'x' }),
    );
    await bob.fails(400, 'M_INVALID_PARAM', 'PUT', `${RULES}/device/x`, sounding('x'));
  },
);

onServers(
  'a mention of the room needs the right to make one, and edits, notices and reactions are silent [B061 partial] [A074 partial]',
  async ({ person }) => {
    const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    for (const one of [bob, carol]) await one.join(room);
    const highlights = async () =>
      (await bob.ok('GET', '/v3/notifications?only=highlight')).notifications.map(
        (one: Json) => one.event.content.body,
      );
    await carol.say(room, 'no right', { 'm.mentions': { room: true } });
    assert.deepEqual(await highlights(), []);
    await alice.say(room, 'right', { 'm.mentions': { room: true } });
    await carol.say(room, 'to bob', { 'm.mentions': { user_ids: [bob.userId] } });
    assert.deepEqual(await highlights(), ['to bob', 'right']);
    const original = await alice.say(room, 'original');
    assert.equal(await soundOf(bob, original), 'silent');
    const relates = { 'm.relates_to': { rel_type: 'm.replace', event_id: original } };
    const edit = { 'm.new_content': { msgtype: 'm.text', body: 'edited' }, ...relates };
    assert.equal(await soundOf(bob, await alice.say(room, 'edited', edit)), undefined);
    assert.equal(await soundOf(bob, await alice.say(room, 'notice', { msgtype: 'm.notice' })), undefined);
    const reaction = { 'm.relates_to': { rel_type: 'm.annotation', event_id: original, key: 'x' } };
    assert.equal(await soundOf(bob, await alice.send(room, 'm.reaction', reaction)), undefined);
    assert.equal(await soundOf(bob, await bob.say(room, 'my own')), undefined);
    const call = {
      call_id: 'c',
      lifetime: 1,
      version: '1',
      party_id: 'p',
      offer: { type: 'offer', sdp: '' },
    };
    assert.equal(await soundOf(bob, await alice.send(room, 'm.call.invite', call)), 'ring');
  },
);

onServers('rules that are set in several processes at once are all kept [B061 partial]', async (server) => {
  const alice = await server.person('alice');
  const elsewhere = new TestClient((await server.another()).url, alice.token);
  const names = Array.from({ length: 12 }, (_, i) => `rule${i}`);
  await Promise.all(
    names.map((name, i) =>
      (i % 2 === 0 ? alice : elsewhere).ok(
        'PUT',
        `${RULES}/content/${name}`,
        sounding(name, { pattern: name }),
      ),
    ),
  );
  const { content } = await alice.ok('GET', `${RULES}/`);
  assert.deepEqual(content.map((one: Json) => one.rule_id).sort(), names.sort());
});

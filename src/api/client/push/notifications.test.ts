import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import type { Json } from '../../../testing/client/test-client.ts';

const bodiesOf = (page: Json): string[] =>
  page.notifications.map((one: Json) => one.event.content.body ?? one.event.type);

onServers('notifications are listed over all rooms, page by page [B061 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const early = await alice.createRoom({ preset: 'public_chat' });
  await alice.say(early, 'before bob was there');
  await bob.join(early);
  const rooms = [early];
  for (let i = 0; i < 2; i++) {
    rooms.push(await alice.createRoom({ preset: 'public_chat' }));
    await bob.join(rooms.at(-1) ?? '');
  }
  const quiet = `/v3/pushrules/global/content/quiet`;
  await bob.ok('PUT', quiet, { pattern: 'quiet', actions: [] });
  const ids: string[] = [];
  for (let i = 0; i < 9; i++) ids.push(await alice.say(rooms[i % 3] ?? '', `message ${i}`));
  await alice.say(early, 'quiet please');
  await bob.say(early, 'my own');
  const loud = await alice.say(early, 'bob!', { 'm.mentions': { user_ids: [bob.userId] } });
  const den = await alice.createRoom({ invite: [bob.userId] });
  await alice.ok('PUT', alice.room(early, `/redact/${ids[3] ?? ''}/r`), {});
  await bob.ok('POST', bob.room(rooms[1] ?? '', `/receipt/m.read/${ids[4] ?? ''}`), {});

  const all: Json[] = [];
  for (let from = ''; ;) {
    const page = await bob.ok('GET', `/v3/notifications?limit=4${from}`);
    all.push(...page.notifications);
    assert.ok(page.notifications.length <= 4);
    if (page.next_token === undefined) break;
    from = `&from=${page.next_token}`;
  }
  const expected = [8, 7, 6, 5, 4, 2, 1, 0].map((i) => `message ${i}`);
  assert.deepEqual(bodiesOf({ notifications: all }), ['m.room.member', 'bob!', ...expected]);
  assert.deepEqual(
    all.filter((one) => one.read).map((one) => one.event.content.body),
    ['message 6', 'message 4', 'message 1', 'message 0'],
  );
  const [invite, mention] = all;
  assert.equal(invite.room_id, den);
  assert.equal(mention.event.event_id, loud);
  assert.deepEqual(mention.actions, [
    'notify',
    { set_tweak: 'sound', value: 'default' },
    { set_tweak: 'highlight' },
  ]);
  assert.equal(mention.ts, mention.event.origin_server_ts);
  assert.equal(mention.event.room_id, undefined);

  const highlights = await bob.ok('GET', '/v3/notifications?only=highlight');
  assert.deepEqual(bodiesOf(highlights), ['bob!']);
  assert.equal(highlights.next_token, undefined);
  await bob.fails(400, 'M_INVALID_PARAM', 'GET', '/v3/notifications?from=nonsense');
  const ignored = { ignored_users: { [alice.userId]: {} } };
  await bob.ok('PUT', `/v3/user/${bob.userId}/account_data/m.ignored_user_list`, ignored);
  assert.deepEqual((await bob.ok('GET', '/v3/notifications')).notifications, []);
});

onServers('invites that are not to be shown are not listed [B061 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const config = `/v3/user/${bob.userId}/account_data/org.matrix.msc4155.invite_permission_config`;
  const types = async () =>
    (await bob.ok('GET', '/v3/notifications')).notifications.map((one: Json) => one.event.type);
  await alice.createRoom({ invite: [bob.userId] });
  assert.deepEqual(await types(), ['m.room.member']);
  await bob.ok('PUT', config, { enabled: true, ignored_users: [alice.userId] });
  assert.deepEqual(await types(), []);
});

onServers(
  'who writes in a room or a thread has read what came before there [B061 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const root = await alice.say(room, 'root');
    const inThread = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } };
    await alice.say(room, 'in the thread', inThread);
    await alice.say(room, 'beside it');
    const read = async () => {
      const told: Json[] = [];
      for (let from = ''; ;) {
        const page = await bob.ok('GET', `/v3/notifications?limit=1${from}`);
        told.push(...page.notifications);
        if (page.next_token === undefined) break;
        from = `&from=${page.next_token}`;
      }
      return told.filter((one) => one.read).map((one) => one.event.content.body);
    };
    assert.deepEqual(await read(), []);
    await bob.say(room, 'my own');
    assert.deepEqual(await read(), ['beside it', 'root']);
    await bob.say(room, 'my own', inThread);
    await alice.say(room, 'later', inThread);
    assert.deepEqual(await read(), ['beside it', 'in the thread', 'root']);
  },
);

onServers(
  'what a notified event replaced is shown to who may see it, whatever else is listed [B061 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    const moved = (body: string) => ({ body, replacement_room: room });
    await alice.setState(room, 'm.room.tombstone', moved('before'));
    await bob.join(room);
    await alice.setState(room, 'm.room.tombstone', moved('after'));
    const den = await alice.createRoom({ invite: [bob.userId] });
    await bob.ok('POST', bob.room(den, '/leave'), {});
    await alice.ok('POST', alice.room(den, '/invite'), { user_id: bob.userId });
    const { notifications } = await bob.ok('GET', '/v3/notifications');
    assert.deepEqual(bodiesOf({ notifications }), ['m.room.member', 'after']);
    const before = notifications.map((one: Json) => one.event.unsigned.prev_content);
    assert.deepEqual(before[1], moved('before'));
    assert.equal(before[0].membership, 'leave');
  },
);

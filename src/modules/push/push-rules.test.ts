import assert from 'node:assert/strict';
import type { Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';
import { joined } from '../../testing/client/sync-body.ts';

onServers('push rules are read and changed [B061 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const { global } = await alice.ok('GET', '/v3/pushrules/');
  assert.equal(global.override[0]?.rule_id, '.m.rule.master');
  assert.deepEqual(await alice.ok('GET', '/v3/pushrules/global/'), global);
  const { next_batch: since } = await alice.sync();
  const rule = '/v3/pushrules/global/content/cake';
  await alice.fails(404, 'M_NOT_FOUND', 'GET', rule);
  await alice.ok('PUT', rule, { pattern: 'cake', actions: ['notify', { set_tweak: 'highlight' }] });
  const changed = (await alice.sync({ since })).account_data?.events?.find(
    (event: Json) => event.type === 'm.push_rules',
  );
  assert.equal(changed?.content?.global?.content[0]?.rule_id, 'cake');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await bob.say(room, 'there is cake');
  const counts = async () => joined(await alice.sync(), room).unread_notifications;
  assert.deepEqual(await counts(), { notification_count: 1, highlight_count: 1 });
  await alice.ok('PUT', `${rule}/enabled`, { enabled: false });
  assert.deepEqual(await alice.ok('GET', `${rule}/enabled`), { enabled: false });
  await alice.ok('PUT', `${rule}/actions`, { actions: ['notify'] });
  assert.deepEqual(await alice.ok('GET', `${rule}/actions`), { actions: ['notify'] });
  await alice.ok('DELETE', rule);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', rule);
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', '/v3/pushrules/global/room/.dot', { actions: [] });
  await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/pushrules/global/afterwards/.m.rule.master');
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', '/v3/pushrules/global/afterwards/x', { actions: [] });
});

onServers('push rules with slow patterns do not hold up the server', async (s) => {
  const [alice, mallory] = [await s.person('alice'), await s.person('mallory')];
  const room = await mallory.createRoom({ preset: 'public_chat' });
  await alice.join(room);
  for (let i = 0; i < 40; i++) {
    const conditions = [{ kind: 'event_match', key: 'content.x', pattern: `*${'a'.repeat(507)}${i}*` }];
    await mallory.ok('PUT', `/v3/pushrules/global/override/r${i}`, { actions: [], conditions });
  }
  const { next_batch: since } = await mallory.sync();
  await alice.send(room, 'm.room.message', { msgtype: 'm.text', body: 'x', x: 'a'.repeat(55_000) });
  const begun = performance.now();
  await mallory.sync({ since });
  const took = performance.now() - begun;
  assert.ok(took < 2_000, `it took ${took} ms`);
});

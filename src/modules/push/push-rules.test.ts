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

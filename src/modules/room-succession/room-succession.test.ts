import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import type { Json, TestClient } from '../../testing/client/test-client.ts';

const MUTED = ['dont_notify'];

async function roomRules(person: TestClient): Promise<Record<string, Json>> {
  const { global } = await person.ok('GET', '/v3/pushrules/');
  return Object.fromEntries(global.room.map((rule: Json) => [rule.rule_id, rule.actions]));
}

/** Follows the sync stream until push rules, tags and direct chats have come to a room. */
async function followed(person: TestClient, since: string, room: string): Promise<void> {
  const wanted = new Set(['m.push_rules', 'm.tag', 'm.direct']);
  await person.syncUntil(since, (body: Json) => {
    const ofRoom = body.rooms?.join?.[room]?.account_data?.events ?? [];
    for (const event of [...(body.account_data?.events ?? []), ...ofRoom]) {
      if (JSON.stringify(event.content).includes(room) || event.type === 'm.tag') wanted.delete(event.type);
    }
    return wanted.size === 0;
  });
}

onServers('what is set for a room follows it through an upgrade [B069 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const old = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
  await bob.join(old);
  for (const one of [alice, bob]) {
    await one.ok('PUT', `/v3/pushrules/global/room/${encodeURIComponent(old)}`, { actions: MUTED });
    await one.ok('PUT', `/v3/pushrules/global/override/${encodeURIComponent(old)}`, {
      actions: MUTED,
      conditions: [{ kind: 'event_match', key: 'room_id', pattern: old }],
    });
    const account = `/v3/user/${one.userId}`;
    await one.ok('PUT', `${account}/rooms/${encodeURIComponent(old)}/tags/m.favourite`, { order: 0.5 });
    await one.ok('PUT', `${account}/account_data/m.direct`, { '@x:y': [old] });
  }
  const since = [(await alice.sync()).next_batch, (await bob.sync()).next_batch];
  const { replacement_room: room } = await alice.ok('POST', alice.room(old, '/upgrade'), {
    new_version: '11',
  });
  await bob.join(room);
  for (const [i, one] of [alice, bob].entries()) {
    await followed(one, since[i], room);
    assert.deepEqual(await roomRules(one), { [old]: MUTED, [room]: MUTED });
    const path = `/v3/pushrules/global/override/${encodeURIComponent(room)}`;
    const [condition] = (await one.ok('GET', path)).conditions;
    assert.equal(condition.pattern, room);
    const account = `/v3/user/${one.userId}`;
    const { tags } = await one.ok('GET', `${account}/rooms/${encodeURIComponent(room)}/tags`);
    assert.deepEqual(tags, { 'm.favourite': { order: 0.5 } });
    assert.deepEqual(await one.ok('GET', `${account}/account_data/m.direct`), { '@x:y': [old, room] });
  }
});

onServers('nothing follows twice, nor into rooms that only claim it [B069 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const old = await alice.createRoom({ preset: 'public_chat' });
  const rule = (room: string) => `/v3/pushrules/global/room/${encodeURIComponent(room)}`;
  await bob.ok('PUT', rule(old), { actions: MUTED });
  const claim = { creation_content: { predecessor: { room_id: old } } };
  const stranger = await alice.createRoom({ preset: 'public_chat', ...claim });
  await bob.join(stranger);
  await bob.join(old);
  const { next_batch: since } = await bob.sync();
  const room = await alice.createRoom({ preset: 'public_chat', ...claim });
  await bob.join(room);
  await bob.syncUntil(since, (body: Json) =>
    body.account_data?.events?.some((event: Json) => JSON.stringify(event).includes(room)),
  );
  assert.deepEqual(Object.keys(await roomRules(bob)).sort(), [old, room].sort());
  await bob.ok('DELETE', rule(room));
  await bob.ok('PUT', `/v3/profile/${bob.userId}/displayname`, { displayname: 'Bobby' });
  const later = await alice.createRoom({ preset: 'public_chat', ...claim });
  await bob.join(later);
  await bob.syncUntil(since, (body: Json) =>
    body.account_data?.events?.some((event: Json) => JSON.stringify(event).includes(later)),
  );
  assert.deepEqual(Object.keys(await roomRules(bob)).sort(), [later, old].sort());
});

import assert from 'node:assert/strict';
import type { Json, TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

async function member(asker: TestClient, room: string, who: TestClient): Promise<Json> {
  return asker.ok('GET', asker.room(room, `/state/m.room.member/${who.userId}?format=event`));
}

onServers('each change of a membership is told with its reason, and who made it [B034]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const rules = [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }];
  const room = await alice.createRoom({ initial_state: rules });
  const knock = `/v3/knock/${encodeURIComponent(room)}`;
  const post = (who: TestClient, action: string, body: object) => async () => {
    await who.ok('POST', who.room(room, `/${action}`), body);
  };
  const ofBob = (reason: string) => ({ user_id: bob.userId, reason });
  const steps: [() => Promise<unknown>, string, TestClient, string][] = [
    [() => bob.ok('POST', knock, { reason: 'let me in' }), 'knock', bob, 'let me in'],
    [post(alice, 'kick', ofBob('not now')), 'leave', alice, 'not now'],
    [() => bob.ok('POST', knock, { reason: 'please' }), 'knock', bob, 'please'],
    [post(alice, 'invite', ofBob('come in')), 'invite', alice, 'come in'],
    [post(bob, 'leave', { reason: 'later' }), 'leave', bob, 'later'],
    [post(alice, 'invite', ofBob('now?')), 'invite', alice, 'now?'],
    [post(bob, 'join', { reason: 'yes' }), 'join', bob, 'yes'],
    [post(alice, 'kick', ofBob('too loud')), 'leave', alice, 'too loud'],
    [post(alice, 'ban', ofBob('far too loud')), 'ban', alice, 'far too loud'],
    [post(alice, 'unban', ofBob('forgiven')), 'leave', alice, 'forgiven'],
  ];
  for (const [step, membership, sender, reason] of steps) {
    await step();
    const event = await member(alice, room, bob);
    assert.deepEqual(
      [event.content.membership, event.sender, event.content.reason],
      [membership, sender.userId, reason],
    );
  }
});

onServers('rooms are joined by ID and by alias, listed, left and forgotten [B034 partial]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const byAlias = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'open' });
  const byId = await alice.createRoom({ preset: 'public_chat' });
  const via = '?via=localhost&via=elsewhere.example&server_name=localhost';
  const join = async (target: string) =>
    (await bob.ok('POST', `/v3/join/${encodeURIComponent(target)}${via}`, {})).room_id;
  assert.equal(await join('#open:localhost'), byAlias);
  assert.equal(await join(byId), byId);
  assert.equal(await join(byId), byId, 'once more changes nothing');
  await bob.fails(404, 'M_NOT_FOUND', 'POST', '/v3/join/%23closed%3Alocalhost', {});
  await bob.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/join/nothing', {});
  const joined = async () => ((await bob.ok('GET', '/v3/joined_rooms')).joined_rooms as string[]).sort();
  assert.deepEqual(await joined(), [byAlias, byId].sort());
  await bob.ok('POST', bob.room(byId, '/leave'), {});
  assert.deepEqual(await joined(), [byAlias]);
  await bob.ok('GET', bob.room(byId, '/messages?dir=b'));
  await bob.ok('POST', bob.room(byId, '/forget'), {});
  await bob.fails(403, 'M_FORBIDDEN', 'GET', bob.room(byId, '/messages?dir=b'));
  assert.equal(await join(byId), byId, 'what was forgotten can be joined again');
  await bob.ok('GET', bob.room(byId, '/messages?dir=b'));
});

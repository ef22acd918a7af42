import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { joined, sees, says } from './testing/room-sight.ts';

const VERSIONS = Array.from({ length: 12 }, (_, i) => String(i + 1));

onFederation(
  'rooms of every version are joined by way of another server, and talked in [B104 partial] [A108]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    for (const version of VERSIONS) {
      const wishes = { preset: 'public_chat', room_version: version, name: `v${version}` };
      const room = await alice.createRoom(wishes);
      await alice.say(room, 'before');
      assert.deepEqual(await bob.join(room, a.name), { room_id: room });
      const state: Json[] = await bob.ok('GET', bob.room(room, '/state'));
      const ofAlice: Json[] = await alice.ok('GET', alice.room(room, '/state'));
      const ids = (events: Json[]) => events.map((event) => event.event_id).sort();
      assert.deepEqual(ids(state), ids(ofAlice), `both have the state of version ${version}`);
      const members = await bob.ok('GET', bob.room(room, '/joined_members'));
      assert.deepEqual(Object.keys(members.joined).sort(), [alice.userId, bob.userId].sort());
      const shown = await joined(bob, room);
      assert.equal(shown.timeline.events.at(-1).state_key, bob.userId);
      assert.equal(shown.summary['m.joined_member_count'], 2);
      const name = shown.state.events.find((event: Json) => event.type === 'm.room.name');
      assert.equal(name.content.name, `v${version}`);
      const said = await bob.say(room, 'hello');
      assert.equal((await sees(alice, room, says('hello'))).event_id, said);
      await alice.setState(room, 'm.room.topic', { topic: 'of all' });
      await sees(bob, room, (event) => event.type === 'm.room.topic');
      const redact = alice.room(room, `/redact/${encodeURIComponent(said)}/r${version}`);
      await alice.ok('PUT', redact, {});
      await sees(bob, room, (event) => event.type === 'm.room.redaction');
      const redacted = await bob.ok('GET', bob.room(room, `/event/${encodeURIComponent(said)}`));
      assert.deepEqual(redacted.content, {}, `redacted on both servers in version ${version}`);
    }
  },
);

onFederation(
  'invites reach users of other servers, and are taken or declined [B106] [B107 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    for (const version of ['1', '10', '12']) {
      const wishes = { room_version: version, name: 'inside', invite: [bob.userId] };
      const room = await alice.createRoom(wishes);
      const invited = await bob.syncUntil(undefined, (body) => body.rooms?.invite?.[room] !== undefined);
      const shown: Json[] = invited.rooms.invite[room].invite_state.events;
      assert.equal(shown.find((event) => event.type === 'm.room.name').content.name, 'inside');
      const own = shown.find((event) => event.state_key === bob.userId);
      assert.deepEqual([own.sender, own.content.membership], [alice.userId, 'invite']);
      await bob.ok('POST', bob.room(room, '/leave'), {});
      const left = await bob.syncUntil(invited.next_batch, (body) => body.rooms?.leave?.[room] !== undefined);
      const [leave] = left.rooms.leave[room].timeline.events;
      assert.deepEqual([leave?.state_key, leave?.content.membership], [bob.userId, 'leave']);
      await sees(
        alice,
        room,
        (event) => event.state_key === bob.userId && event.content.membership === 'leave',
      );
      await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
      await bob.syncUntil(left.next_batch, (body) => body.rooms?.invite?.[room] !== undefined);
      await bob.join(room);
      const said = await bob.say(room, 'thank you');
      assert.equal((await sees(alice, room, says('thank you'))).event_id, said);
      await bob.ok('POST', bob.room(room, '/leave'), {});
      await sees(
        alice,
        room,
        (event) => event.state_key === bob.userId && event.content.membership === 'leave',
      );
      await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/join'), {});
    }
  },
);

onFederation(
  'an invite is taken back, and who is removed learns of it [B106] [B107 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const room = await alice.createRoom({ invite: [bob.userId] });
    const invited = await bob.syncUntil(undefined, (body) => body.rooms?.invite?.[room] !== undefined);
    await alice.ok('POST', alice.room(room, '/kick'), { user_id: bob.userId });
    const gone = await bob.syncUntil(invited.next_batch, (body) => body.rooms?.leave?.[room] !== undefined);
    await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
    await bob.syncUntil(gone.next_batch, (body) => body.rooms?.invite?.[room] !== undefined);
    await bob.join(room);
    await alice.ok('POST', alice.room(room, '/ban'), { user_id: bob.userId });
    await bob.syncUntil(undefined, (body) => body.rooms?.leave?.[room] !== undefined, {
      filter: JSON.stringify({ room: { include_leave: true } }),
    });
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/join'), {});
  },
);

onFederation('one knocks on a room of another server and is let in [B105 partial]', async ({ a, b }) => {
  const [alice, bob] = [await a.person('alice'), await b.person('bob')];
  const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } };
  const room = await alice.createRoom({ room_version: '10', name: 'closed', initial_state: [rules] });
  const path = `/v3/knock/${encodeURIComponent(room)}?via=${encodeURIComponent(a.name)}`;
  assert.deepEqual(await bob.ok('POST', path, { reason: 'please' }), { room_id: room });
  const knocking = await bob.syncUntil(undefined, (body) => body.rooms?.knock?.[room] !== undefined);
  const shown: Json[] = knocking.rooms.knock[room].knock_state.events;
  assert.equal(shown.find((event) => event.type === 'm.room.name').content.name, 'closed');
  const knock = await sees(alice, room, (event) => event.content?.membership === 'knock');
  assert.deepEqual([knock.sender, knock.content.reason], [bob.userId, 'please']);
  await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
  await bob.syncUntil(knocking.next_batch, (body) => body.rooms?.invite?.[room] !== undefined);
  await bob.join(room);
  await bob.say(room, 'here');
  await sees(alice, room, says('here'));
});

onFederation('who left comes back, and hears what was said meanwhile [B104 partial]', async ({ a, b }) => {
  const [alice, bob] = [await a.person('alice'), await b.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room, a.name);
  await bob.say(room, 'first');
  await sees(alice, room, says('first'));
  await bob.ok('POST', bob.room(room, '/leave'), {});
  await sees(alice, room, (event) => event.state_key === bob.userId && event.content.membership === 'leave');
  await alice.say(room, 'while you were away');
  await alice.setState(room, 'm.room.topic', { topic: 'new' });
  await bob.join(room, a.name);
  assert.equal((await bob.ok('GET', bob.room(room, '/state/m.room.topic/'))).topic, 'new');
  await alice.say(room, 'welcome back');
  await sees(bob, room, says('welcome back'));
  await bob.say(room, 'thanks');
  await sees(alice, room, says('thanks'));
  const found: string[] = [];
  for (let from: string | undefined = ''; from !== undefined;) {
    const page: Json = await bob.ok(
      'GET',
      bob.room(room, `/messages?dir=b&limit=20${from === '' ? '' : `&from=${from}`}`),
    );
    found.push(...bodies(page.chunk));
    from = page.end;
  }
  assert.deepEqual([...found].sort(), ['first', 'thanks', 'welcome back', 'while you were away']);
});

onFederation(
  'who blocks invites gets none from other servers, and they are told so [B054] [B106]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const path = `/v3/user/${encodeURIComponent(bob.userId)}/account_data/m.invite_permission_config`;
    await bob.ok('PUT', path, { default_action: 'block' });
    const { next_batch: since } = await bob.sync();
    const room = await alice.createRoom({});
    const invite = { user_id: bob.userId };
    await alice.fails(403, 'M_INVITE_BLOCKED', 'POST', alice.room(room, '/invite'), invite);
    assert.equal((await bob.sync({ since })).rooms?.invite, undefined);
    await bob.ok('PUT', path, { default_action: 'allow' });
    await alice.ok('POST', alice.room(room, '/invite'), invite);
    await bob.syncUntil(since, (body) => body.rooms?.invite?.[room] !== undefined);
  },
);

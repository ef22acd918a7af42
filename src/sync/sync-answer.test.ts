import assert from 'node:assert/strict';
import type { Json } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

const toDevice = (deviceId: string, n: number) => ({ [deviceId]: { n } });

onServers(
  'one sync tells of rooms, people, devices and keys, all that is new and nothing twice [B026]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const shared = await alice.createRoom({ preset: 'public_chat', name: 'shared' });
    await bob.join(shared);
    const knockable = await bob.createRoom({
      initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
    });
    const left = await alice.createRoom();
    const first = await alice.sync({ set_presence: 'offline' });

    const invited = await bob.createRoom({ invite: [alice.userId], name: 'invited' });
    await alice.ok('POST', `/v3/knock/${encodeURIComponent(knockable)}`, {});
    await alice.ok('POST', alice.room(left, '/leave'), {});
    for (let i = 0; i < 12; i++)
      await bob.say(shared, `m${i}`, { 'm.mentions': { user_ids: [alice.userId] } });
    await bob.ok('PUT', bob.room(shared, `/typing/${bob.userId}`), { typing: true, timeout: 30_000 });
    const messages = { [alice.userId]: toDevice(alice.deviceId, 1) };
    await bob.ok('PUT', '/v3/sendToDevice/org.example/1', { messages });
    await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/org.example`, { a: 1 });
    await alice.ok('PUT', `/v3/user/${alice.userId}/rooms/${shared}/tags/u.x`, { order: 0.5 });
    await alice.ok('POST', '/v3/keys/upload', {
      one_time_keys: { 'signed_curve25519:a': { key: 'a', signatures: {} } },
      fallback_keys: { 'signed_curve25519:f': { key: 'f', fallback: true, signatures: {} } },
    });
    await bob.ok('POST', '/v3/keys/upload', {
      device_keys: {
        user_id: bob.userId,
        device_id: bob.deviceId,
        algorithms: ['m.olm.v1.curve25519-aes-sha2'],
        keys: { [`ed25519:${bob.deviceId}`]: 'key' },
        signatures: { [bob.userId]: { [`ed25519:${bob.deviceId}`]: 'signature' } },
      },
    });
    await bob.ok('PUT', `/v3/presence/${bob.userId}/status`, { presence: 'online', status_msg: 'here' });

    const body = await alice.sync({ since: first.next_batch, set_presence: 'unavailable' });
    assert.deepEqual(Object.keys(body.rooms).sort(), ['invite', 'join', 'knock', 'leave']);
    assert.deepEqual(Object.keys(body.rooms.join), [shared]);
    assert.deepEqual(Object.keys(body.rooms.invite), [invited]);
    assert.ok(body.rooms.invite[invited].invite_state.events.length > 0);
    assert.deepEqual(Object.keys(body.rooms.knock), [knockable]);
    assert.deepEqual(Object.keys(body.rooms.leave), [left]);
    const room = body.rooms.join[shared];
    assert.equal(room.timeline.limited, true);
    assert.equal(typeof room.timeline.prev_batch, 'string');
    assert.equal(room.timeline.events.length, 10);
    assert.deepEqual(room.unread_notifications, { notification_count: 12, highlight_count: 12 });
    assert.equal(room.ephemeral.events[0].content.user_ids[0], bob.userId);
    assert.deepEqual(
      room.account_data.events.map((one: Json) => one.type),
      ['m.tag'],
    );
    assert.deepEqual(
      body.account_data.events.map((one: Json) => one.type),
      ['org.example'],
    );
    assert.deepEqual(
      body.to_device.events.map((one: Json) => [one.sender, one.content.n]),
      [[bob.userId, 1]],
    );
    assert.ok(body.device_lists.changed.includes(bob.userId));
    assert.deepEqual(body.device_one_time_keys_count, { signed_curve25519: 1 });
    assert.deepEqual(body.device_unused_fallback_key_types, ['signed_curve25519']);
    const ofBob = body.presence.events.find((one: Json) => one.sender === bob.userId);
    assert.equal(ofBob.content.status_msg, 'here');
    const own = await bob.ok('GET', `/v3/presence/${alice.userId}/status`);
    assert.equal(own.presence, 'unavailable', 'as the sync said');

    const begun = performance.now();
    const next = await alice.sync({ since: body.next_batch, set_presence: 'unavailable', timeout: 0 });
    assert.ok(performance.now() - begun < 5_000);
    assert.deepEqual([next.rooms, next.to_device, next.account_data], [undefined, undefined, undefined]);
    assert.deepEqual(next.device_lists, undefined);
  },
);

onServers(
  'a full state comes with what is new, whatever was told before [B026 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat', name: 'named' });
    await bob.join(room);
    const { next_batch: since } = await alice.sync();
    await bob.say(room, 'new');
    const query = { since, full_state: 'true', timeout: 30_000 };
    const types = (events: Json[]) => new Set(events.map((event) => event.type));
    const whole = (await alice.sync(query)).rooms.join[room];
    assert.deepEqual(
      whole.timeline.events.map((event: Json) => event.content.body),
      ['new'],
    );
    const expected = ['m.room.create', 'm.room.member', 'm.room.name', 'm.room.power_levels'];
    for (const type of expected) assert.ok(types(whole.state.events).has(type), type);
    const after = (await alice.sync({ ...query, use_state_after: 'true' })).rooms.join[room];
    for (const type of expected) assert.ok(types(after.state_after.events).has(type), type);
    const { next_batch: latest } = await alice.sync({ since });
    const again = await alice.sync({ ...query, since: latest });
    assert.ok(types(again.rooms.join[room].state.events).has('m.room.create'), 'it does not wait for news');
  },
);

onServers('a sync waits no longer than the client says [B026 partial]', async ({ person }) => {
  const alice = await person('alice');
  const { next_batch: since } = await alice.sync({ set_presence: 'offline' });
  const begun = performance.now();
  const body = await alice.sync({ since, timeout: 300, set_presence: 'offline' });
  const took = performance.now() - begun;
  assert.ok(took >= 290 && took < 5_000, `${took} ms`);
  assert.equal(body.rooms, undefined);
});

onServers('a long first sync holds every letter of every room [B026 partial]', async ({ person }) => {
  const alice = await person('alice');
  const said = new Map<string, string[]>();
  for (let n = 0; n < 4; n++) {
    const room = await alice.createRoom();
    const texts = ['ä', '€', '😀', 'a'].map((letter, i) => `${n}.${i} ${letter.repeat(9_000)}`);
    for (const text of texts) await alice.say(room, text);
    said.set(room, texts);
  }
  const { rooms } = await alice.sync();
  assert.deepEqual(new Set(Object.keys(rooms.join)), new Set(said.keys()));
  for (const [room, texts] of said) {
    const bodies = rooms.join[room].timeline.events.map((event: Json) => event.content.body);
    assert.deepEqual(bodies.filter(Boolean), texts);
  }
});

onServers('a room is named by its members while its name is gone [B026 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat', name: 'named' });
  await bob.join(room);
  const heroes = async () => (await alice.sync()).rooms.join[room].summary['m.heroes'];
  const name = (text: string) => alice.ok('PUT', alice.room(room, '/state/m.room.name/'), { name: text });
  assert.equal(await heroes(), undefined);
  await name('');
  assert.deepEqual(await heroes(), [bob.userId]);
  const { event_id: named } = await name('again');
  assert.equal(await heroes(), undefined);
  await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(named)}/1`), {});
  assert.deepEqual(await heroes(), [bob.userId]);
});

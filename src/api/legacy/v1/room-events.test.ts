import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { v1People } from '../../../testing/client/v1-client.ts';
import { contentsOf } from './testing/rooms-of.ts';

describe('2015: rooms', () => {
  onServers('what one may do in a room is a matter of levels [A047]', async (server) => {
    const [alice, bob, carol] = await v1People(server, 'alice', 'bob', 'carol');
    const room = await alice.createRoom({ preset: 'public_chat' });
    for (const one of [bob, carol]) await one.join(room);
    const levels = (await contentsOf(alice, room))['m.room.power_levels'];
    assert.deepEqual(
      [levels.users[alice.userId], levels.users_default ?? 0, levels.events_default ?? 0],
      [100, 0, 0],
    );
    const topic = bob.room(room, '/state/m.room.topic');
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', topic, { topic: 'mine' });
    const { invite: _, ...known } = levels;
    const users = { ...levels.users, [bob.userId]: 50 };
    await alice.setState(room, 'm.room.power_levels', { ...known, users });
    await bob.ok('PUT', topic, { topic: 'mine' });
    const path = bob.room(room, '/state/m.room.power_levels');
    const change = (more: object) => ({ ...known, users, ...more });
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', path, change({ users: { ...users, [carol.userId]: 51 } }));
    const events = { ...levels.events, 'm.room.power_levels': 50, 'org.gated': 40, 'org.open': 10 };
    await alice.setState(room, 'm.room.power_levels', change({ events, events_default: 20 }));
    await bob.ok(
      'PUT',
      path,
      change({ users: { ...users, [carol.userId]: 30 }, events, events_default: 20 }),
    );
    await bob.fails(
      403,
      'M_FORBIDDEN',
      'PUT',
      path,
      change({ users: { ...users, [carol.userId]: 51 }, events }),
    );
    await carol.send(room, 'org.open', {});
    await carol.say(room, 'above the default');
    await carol.fails(403, 'M_FORBIDDEN', 'POST', carol.room(room, '/send/org.gated'), {});
    await carol.fails(403, 'M_FORBIDDEN', 'POST', carol.room(room, '/ban'), { user_id: bob.userId });
    const kick = bob.room(room, `/state/m.room.member/${alice.userId}`);
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', kick, { membership: 'leave' });
    const said = await bob.say(room, 'unwanted');
    await carol.fails(
      403,
      'M_FORBIDDEN',
      'POST',
      carol.room(room, `/redact/${encodeURIComponent(said)}`),
      {},
    );
    await alice.ok('POST', alice.room(room, `/redact/${encodeURIComponent(said)}`), {});
    await alice.setState(room, 'm.room.power_levels', { ...known, users, state_default: 0 });
    await carol.setState(room, 'm.room.topic', { topic: 'anybody' });
  });

  onServers('state is set and read by type and key, without transaction IDs [A052]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const room = await alice.createRoom();
    const path = (rest: string) => alice.room(room, `/state/org.example.animal${rest}`);
    const first = await alice.ok('PUT', path(''), { animal: 'cat' });
    assert.match(first.event_id, /^\$/);
    assert.deepEqual(await alice.ok('GET', path('')), { animal: 'cat' });
    assert.deepEqual(await alice.ok('GET', path('/')), { animal: 'cat' });
    const key = encodeURIComponent(alice.userId);
    await alice.ok('PUT', path(`/${key}`), { animal: 'dog' });
    await alice.ok('PUT', path(''), { animal: 'cow' });
    assert.deepEqual(await alice.ok('GET', path('')), { animal: 'cow' });
    assert.deepEqual(await alice.ok('GET', path(`/${key}`)), { animal: 'dog' });
    const state = await contentsOf(alice, room);
    assert.deepEqual(state['org.example.animal'], { animal: 'cow' });
    assert.deepEqual(state[`org.example.animal ${alice.userId}`], { animal: 'dog' });
    await alice.fails(404, 'M_NOT_FOUND', 'GET', path('/nothing'));
    await alice.fails(405, 'M_UNRECOGNIZED', 'POST', path('/'), { animal: 'ant' });
    await alice.fails(405, 'M_UNRECOGNIZED', 'POST', path(''), { animal: 'ant' });
    await alice.fails(404, 'M_UNRECOGNIZED', 'PUT', path('/foo/11'), { animal: 'ant' });
  });

  onServers('messages of any type are sent with POST and with PUT [A053]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const room = await alice.createRoom();
    const path = alice.room(room, '/send/com.example.message');
    const posted = (await alice.ok('POST', path, { text: 'Hello world!' })).event_id;
    const put = (await alice.ok('PUT', `${path}/11`, { text: 'Goodbye world!' })).event_id;
    const { chunk } = await alice.messages(room, { from: 'END', dir: 'b', limit: 2 });
    assert.deepEqual(
      chunk.map((event: Json) => [event.event_id, event.type, event.content]),
      [
        [put, 'com.example.message', { text: 'Goodbye world!' }],
        [posted, 'com.example.message', { text: 'Hello world!' }],
      ],
    );
    const again = (await alice.ok('POST', path, { text: 'Hello world!' })).event_id;
    assert.notEqual(again, posted);
    await alice.fails(400, 'M_BAD_JSON', 'POST', path, []);
  });
});

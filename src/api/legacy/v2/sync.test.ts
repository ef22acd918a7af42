import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers, type TestServer } from '../../../testing/server/test-server.ts';
import { eventsOf, V2Client } from '../../../testing/client/v2-client.ts';

async function two({ person }: TestServer): Promise<[V2Client, V2Client]> {
  return [V2Client.of(await person('alice')), V2Client.of(await person('bob'))];
}

const textsOf = (room: Json): string[] => eventsOf(room).flatMap(({ content }) => content?.body ?? []);

describe('2015: sync', () => {
  onServers('rooms are joined, invited or archived, their events in a map [A037]', async (server) => {
    const [alice, bob] = await two(server);
    const room = await alice.createRoom({ name: 'Garden', invite: [bob.userId] });
    const first = await bob.sync();
    assert.deepEqual(Object.keys(first).sort(), ['next_batch', 'presence', 'rooms']);
    assert.deepEqual(first.rooms.joined, {});
    const invite = first.rooms.invited[room].invite_state.events;
    assert.ok(invite.some((event: Json) => event.type === 'm.room.name' && event.content.name === 'Garden'));
    for (const event of invite) {
      assert.deepEqual(Object.keys(event).sort(), ['content', 'sender', 'state_key', 'type'], event.type);
    }
    await bob.join(room);
    for (let i = 0; i < 12; i++) await alice.say(room, `message ${i}`);

    const second = await bob.sync({ since: first.next_batch });
    const joined = second.rooms.joined[room];
    assert.deepEqual(second.rooms.invited, {});
    assert.deepEqual(
      textsOf(joined),
      [2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((i) => `message ${i}`),
    );
    assert.equal(joined.timeline.limited, true);
    const named = new Set([...joined.timeline.events, ...joined.state.events]);
    assert.deepEqual(new Set(Object.keys(joined.event_map)), named, 'the map holds what is referred to');
    const [create] = eventsOf(joined, 'state').filter(({ type }) => type === 'm.room.create');
    assert.equal(create.content.creator, alice.userId);
    const before = await bob.messages(room, { from: joined.timeline.prev_batch, dir: 'b', limit: 2 });
    assert.deepEqual(
      before.chunk.map((event: Json) => event.content.body),
      ['message 1', 'message 0'],
    );

    const waiting = bob.sync({ since: second.next_batch, timeout: 30_000 });
    const sent = await alice.ok('PUT', alice.room(room, '/send/m.room.message/t1'), {
      ...{ msgtype: 'm.text', body: 'one more' },
    });
    const third = await waiting;
    const [event] = eventsOf(third.rooms.joined[room]);
    assert.deepEqual([event.event_id, event.sender, event.user_id], [sent.event_id, alice.userId, undefined]);
    assert.ok(event.unsigned.age >= 0);
    assert.equal(third.rooms.joined[room].timeline.limited, false);
    const own = eventsOf((await alice.sync()).rooms.joined[room]).at(-1);
    assert.equal(own.unsigned.txn_id, 't1');

    await alice.setState(room, 'm.room.name', { name: 'Orchard' });
    const fourth = await bob.sync({ since: third.next_batch });
    const [name] = eventsOf(fourth.rooms.joined[room]);
    assert.deepEqual(name.prev_content, { name: 'Garden' });
    await alice.ok('PUT', alice.room(room, `/typing/${alice.userId}`), { typing: true, timeout: 30_000 });
    const fifth = await bob.syncUntil(fourth.next_batch, (body) => body.rooms.joined[room] !== undefined);
    const [typing] = fifth.rooms.joined[room].ephemeral.events;
    assert.deepEqual([typing.type, typing.room_id], ['m.typing', room]);

    await alice.ok('POST', alice.room(room, '/ban'), { user_id: bob.userId });
    await alice.say(room, 'not for Bob');
    const last = await bob.sync({ since: fifth.next_batch });
    assert.deepEqual(last.rooms.joined, {});
    const archived = last.rooms.archived[room];
    assert.equal(archived.ephemeral, undefined);
    assert.equal(eventsOf(archived).at(-1).content.membership, 'ban');
    const anew = (await bob.sync()).rooms.archived[room];
    assert.ok(!textsOf(anew).includes('not for Bob'));
    assert.ok(textsOf(anew).includes('one more'));
    await bob.fails(400, 'M_BAD_PAGINATION', 'GET', '/_matrix/client/v2_alpha/sync?since=nonsense');
  });

  onServers('who syncs is online, unless they say otherwise [A037 partial]', async (server) => {
    const [alice, bob] = await two(server);
    await bob.join(await alice.createRoom({ preset: 'public_chat' }));
    const presence = () => alice.ok('GET', `/presence/${bob.userId}/status`);
    const { next_batch: since } = await alice.sync();
    await bob.sync({ set_presence: 'offline' });
    assert.equal((await presence()).presence, 'offline');
    await bob.sync();
    assert.equal((await presence()).presence, 'online');
    const isBob = (event: Json) => event.sender === bob.userId;
    const told = await alice.syncUntil(since, (body) => body.presence.events.some(isBob));
    const [event] = told.presence.events.filter(isBob);
    assert.deepEqual([event.type, event.content.presence], ['m.presence', 'online']);
  });
});

describe('2015: filters', () => {
  onServers(
    'a filter says what is told, with wildcards for types, senders and rooms [A038]',
    async (server) => {
      const [alice, bob] = await two(server);
      const [room, other] = [
        await alice.createRoom({ preset: 'public_chat' }),
        await alice.createRoom({ preset: 'public_chat' }),
      ];
      await bob.join(room);
      await bob.join(other);
      await alice.say(room, 'from Alice');
      await bob.say(room, 'from Bob');
      await alice.send(room, 'org.example.one', { n: 1 });
      await alice.say(other, 'elsewhere');
      const shown = async (filter: object): Promise<Json> => {
        const id = await bob.filter(filter);
        const path = `/_matrix/client/v2_alpha/user/${bob.userId}/filter/${id}`;
        assert.deepEqual(await bob.ok('GET', path), filter);
        return (await bob.sync({ filter: id })).rooms.joined;
      };
      const typesIn = async (timeline: object, where = room) =>
        eventsOf((await shown({ room: { timeline } }))[where]).map(
          ({ type, content }) => content?.body ?? type,
        );

      assert.deepEqual(await typesIn({ types: ['m.room.mess*', '*.one'] }), [
        ...['from Alice', 'from Bob', 'org.example.one'],
      ]);
      assert.deepEqual(await typesIn({ types: ['m.room.message'], not_types: ['m.*'] }), []);
      assert.deepEqual(await typesIn({ types: ['m.room.message'], senders: ['@ali*'] }), ['from Alice']);
      assert.deepEqual(await typesIn({ types: ['m.room.message'], senders: [alice.userId] }), ['from Alice']);
      assert.deepEqual(await typesIn({ types: ['m.room.message'], not_senders: ['*lice:*'] }), ['from Bob']);
      assert.deepEqual(await typesIn({ limit: 1 }), ['org.example.one']);
      const half = `${other.slice(0, 6)}*`;
      assert.deepEqual(await typesIn({ types: ['m.room.message'], rooms: [half] }), []);
      assert.deepEqual(await typesIn({ types: ['m.room.message'], rooms: [half] }, other), ['elsewhere']);
      assert.deepEqual(await typesIn({ types: ['m.room.message'], not_rooms: [half] }, other), []);

      const raw = await shown({ event_format: 'federation', room: { timeline: { limit: 1 } } });
      const [pdu] = eventsOf(raw[room]);
      assert.ok(pdu.hashes.sha256 && pdu.prev_events.length > 0 && pdu.auth_events.length > 0);
      const fields = { event_fields: ['type', 'content.body'] };
      const [bare] = eventsOf(
        (await shown({ ...fields, room: { timeline: { types: ['m.room.message'] } } }))[room],
      );
      assert.deepEqual(bare, { type: 'm.room.message', content: { body: 'from Alice' } });

      const create = `/_matrix/client/v2_alpha/user/${bob.userId}/filter`;
      await bob.fails(400, 'M_BAD_JSON', 'POST', create, { room: { timeline: { types: 'm.room.message' } } });
      await bob.fails(400, 'M_BAD_JSON', 'POST', create, { event_format: 'xml' });
      await bob.fails(404, 'M_NOT_FOUND', 'GET', `${create}/unknown`);
      await alice.fails(403, 'M_FORBIDDEN', 'POST', create, {});
    },
  );
});

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { v1People, type V1Client } from '../../../testing/client/v1-client.ts';
import { contentsOf, roomIds } from './testing/rooms-of.ts';

describe('2015: rooms', () => {
  onServers('who is not invited is not let into a closed room [A048]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({ preset: 'private_chat' });
    const join = bob.room(room, '/join');
    await bob.fails(403, 'M_FORBIDDEN', 'POST', join, {});
    await bob.fails(403, 'M_FORBIDDEN', 'POST', `/join/${encodeURIComponent(room)}`, {});
    await alice.setState(room, 'm.room.join_rules', { join_rule: 'public' });
    assert.deepEqual(await bob.ok('POST', join, 'null'), { room_id: room }, 'null is no body');
    await bob.ok('POST', bob.room(room, '/leave'), {});
    for (const reserved of ['knock', 'private']) {
      await alice.setState(room, 'm.room.join_rules', { join_rule: reserved });
      await bob.fails(403, 'M_FORBIDDEN', 'POST', join, {});
    }
    await alice.setState(room, 'm.room.join_rules', { join_rule: 'invite' });
    await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
    await bob.ok('POST', join, {});
  });

  onServers('who is invited again to a room that they left is shown the invite', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({ name: 'again' });
    const invite = () => alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
    await invite();
    await bob.join(room);
    await bob.ok('POST', bob.room(room, '/leave'), {});
    await invite();
    const [shown] = (await bob.ok('GET', '/initialSync')).rooms as Json[];
    assert.equal(shown.membership, 'invite');
    assert.equal(shown.invite?.content.membership, 'invite');
  });

  onServers('people are invited, join, leave, are put out and shut out [A049]', async (server) => {
    const [alice, bob, carol] = await v1People(server, 'alice', 'bob', 'carol');
    const room = await alice.createRoom({ preset: 'private_chat' });
    const membership = async (): Promise<Json> =>
      (await alice.ok('GET', alice.room(room, `/state/m.room.member/${bob.userId}`))).membership;
    const state = (person: V1Client, target: V1Client) =>
      person.room(room, `/state/m.room.member/${target.userId}`);
    const invite = () => alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
    await invite();
    assert.equal(await membership(), 'invite');
    await bob.join(room);
    assert.deepEqual(await roomIds(bob), [room]);
    await bob.ok('POST', bob.room(room, '/leave'), {});
    assert.deepEqual(await roomIds(bob), []);
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/join'), {});
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/send/m.room.message'), {
      msgtype: 'm.text',
      body: 'still there',
    });
    await alice.ok('PUT', state(alice, bob), { membership: 'invite' });
    await bob.ok('PUT', state(bob, bob), { membership: 'join' });
    assert.equal(await membership(), 'join');
    await alice.ok('PUT', state(alice, bob), { membership: 'leave', reason: 'enough' });
    assert.equal(await membership(), 'leave');
    assert.deepEqual(await roomIds(bob), []);
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/join'), {});
    await invite();
    await bob.join(room);
    await bob.ok('PUT', state(bob, bob), { membership: 'leave' });
    await invite();
    await bob.join(room);
    await alice.ok('POST', alice.room(room, '/invite'), { user_id: carol.userId });
    await carol.join(room);
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/ban'), { user_id: carol.userId });
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', state(bob, carol), { membership: 'leave' });
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', state(bob, carol), { membership: 'join' });
    const levels = (await contentsOf(alice, room))['m.room.power_levels'];
    const users = { ...levels.users, [bob.userId]: 50, [carol.userId]: 50 };
    await alice.setState(room, 'm.room.power_levels', { ...levels, users });
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/ban'), { user_id: carol.userId });
    await alice.ok('POST', alice.room(room, '/ban'), { user_id: bob.userId, reason: 'spam' });
    assert.equal(await membership(), 'ban');
    assert.deepEqual(await roomIds(bob), []);
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/join'), {});
    await alice.fails(403, 'M_FORBIDDEN', 'POST', alice.room(room, '/invite'), { user_id: bob.userId });
    await alice.ok('PUT', state(alice, bob), { membership: 'leave' });
    await invite();
    await bob.join(room);
    await alice.ok('PUT', state(alice, bob), { membership: 'ban' });
    assert.equal(await membership(), 'ban');
  });

  onServers('who is invited is shown what room it is [A051]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const { end } = await bob.ok('GET', '/initialSync');
    const wishes = { name: 'Secret', room_alias_name: 'secret', topic: 'not this', invite: [bob.userId] };
    const room = await alice.createRoom({ ...wishes, initial_state: [{ type: 'org.hidden', content: {} }] });
    const streamed = await bob.eventUntil(end, (event) => event.room_id === room);
    const { invite } = (await bob.ok('GET', '/initialSync')).rooms[0];
    for (const { content, invite_room_state: shown } of [streamed, invite]) {
      assert.equal(content.membership, 'invite');
      const byType = Object.fromEntries(shown.map((event: Json) => [event.type, event]));
      assert.deepEqual(byType['m.room.name'], {
        type: 'm.room.name',
        state_key: '',
        content: { name: 'Secret' },
      });
      assert.equal(byType['m.room.join_rules'].content.join_rule, 'invite');
      assert.equal(byType['m.room.canonical_alias'].content.alias, '#secret:localhost');
      assert.equal(byType['org.hidden'], undefined);
    }
    await bob.fails(403, 'M_FORBIDDEN', 'GET', bob.room(room, '/state'));
  });

  onServers('members and state are those of now, or of the time of leaving [A055]', async (server) => {
    const [alice, bob, carol] = await v1People(server, 'alice', 'bob', 'carol');
    const room = await alice.createRoom({ preset: 'public_chat', topic: 'then' });
    await bob.join(room);
    const members = async (person: V1Client): Promise<Json[]> =>
      (await person.ok('GET', person.room(room, '/members'))).chunk.map((event: Json) => [
        event.state_key,
        event.content.membership,
      ]);
    const both = [
      [alice.userId, 'join'],
      [bob.userId, 'join'],
    ];
    assert.deepEqual((await members(bob)).sort(), both);
    await bob.ok('POST', bob.room(room, '/leave'), {});
    await carol.join(room);
    await alice.setState(room, 'm.room.topic', { topic: 'now' });
    assert.deepEqual((await members(carol)).sort(), [
      [alice.userId, 'join'],
      [bob.userId, 'leave'],
      [carol.userId, 'join'],
    ]);
    assert.deepEqual((await members(bob)).sort(), [
      [alice.userId, 'join'],
      [bob.userId, 'leave'],
    ]);
    assert.equal((await contentsOf(bob, room))['m.room.topic'].topic, 'then');
    assert.equal((await contentsOf(carol, room))['m.room.topic'].topic, 'now');
    const topic = (person: V1Client) => person.ok('GET', person.room(room, '/state/m.room.topic'));
    assert.equal((await topic(bob)).topic, 'then');
    assert.equal((await topic(carol)).topic, 'now');
    const [dan] = await v1People(server, 'dan');
    for (const path of ['/members', '/state', '/state/m.room.topic']) {
      await dan.fails(403, 'M_FORBIDDEN', 'GET', dan.room(room, path));
    }
  });

  onServers('members are given in pages to who asks for some of them', async (server) => {
    const people = await v1People(server, 'alice', 'bob', 'carol', 'dan', 'erin');
    const [alice, bob] = people;
    const room = await alice.createRoom({ preset: 'public_chat' });
    for (const person of people) await person.join(room);
    const page = (query: string): Promise<Json> => alice.ok('GET', alice.room(room, `/members?${query}`));
    const seen: string[] = [];
    let from = 'START';
    for (const size of [2, 2, 1, 0]) {
      const { chunk, end } = await page(`from=${from}&limit=2`);
      assert.equal(chunk.length, size);
      seen.push(...chunk.map((event: Json) => event.state_key));
      from = end;
    }
    const everybody = people.map(({ userId }) => userId);
    assert.deepEqual(seen, everybody);
    await bob.ok('POST', bob.room(room, '/leave'), {});
    const keys = ({ chunk }: Json) => chunk.map((event: Json) => [event.state_key, event.content.membership]);
    assert.deepEqual(keys(await page(`from=${from}`)), [[bob.userId, 'leave']], 'what changed since');
    assert.equal((await page(`to=${from}`)).chunk.length, 4);
    assert.equal((await page('limit=0')).chunk.length, 0);
    assert.equal((await page('from=START&to=END')).chunk.length, 5);
    await alice.fails(400, 'M_BAD_PAGINATION', 'GET', alice.room(room, '/members?limit=few'));
  });

  onServers('a room that everybody left is there for nobody [A056]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({
      preset: 'public_chat',
      visibility: 'public',
      room_alias_name: 'gone',
    });
    await bob.join(room);
    for (const person of [alice, bob]) await person.ok('POST', person.room(room, '/leave'), {});
    for (const person of [alice, bob]) assert.deepEqual(await roomIds(person), []);
    const [carol] = await v1People(server, 'carol');
    await carol.fails(403, 'M_FORBIDDEN', 'GET', carol.room(room, '/messages?from=END&dir=b'));
    await carol.join(room);
    assert.deepEqual(await roomIds(carol), [room], 'it was not deleted, which a server was free to do');
  });
});

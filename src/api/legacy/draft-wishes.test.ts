import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { onFederation } from '../../testing/federation/federation.ts';
import type { Json } from '../../testing/client/test-client.ts';

describe('2015: drafts', () => {
  onFederation('what the draft of the next API wished for is there today [A084]', async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const knocking = { type: 'm.room.join_rules', content: { join_rule: 'knock' } };
    const room = await alice.createRoom({ visibility: 'public', name: 'Garden', preset: 'public_chat' });
    for (const text of ['one', 'two', 'three', 'four', 'five']) await alice.say(room, text);
    const found = await bob.ok('POST', `/v3/publicRooms?server=${a.name}`, {
      filter: { generic_search_term: 'gard' },
    });
    assert.deepEqual(
      found.chunk.map((entry: Json) => entry.room_id),
      [room],
    );

    const page = await alice.ok('GET', alice.room(room, '/messages?dir=b&limit=2'));
    assert.deepEqual(
      page.chunk.map((event: Json) => event.content.body),
      ['five', 'four'],
      'scrollback',
    );
    const [, four] = page.chunk as Json[];
    const around = await alice.ok(
      'GET',
      alice.room(room, `/context/${encodeURIComponent(four.event_id)}?limit=2`),
    );
    assert.deepEqual(
      [around.events_before[0].content.body, around.event.content.body, around.events_after[0].content.body],
      ['three', 'four', 'five'],
    );

    const { devices } = await alice.ok('GET', '/v3/devices');
    assert.deepEqual(
      devices.map((device: Json) => device.device_id),
      [alice.deviceId],
    );
    const carol = await a.person('carol');
    await carol.join(room);
    await alice.ok('POST', alice.room(room, '/kick'), { user_id: carol.userId, reason: 'enough' });
    const member = await alice.ok('GET', alice.room(room, `/state/m.room.member/${carol.userId}`));
    assert.deepEqual([member.membership, member.reason], ['leave', 'enough']);
    const closed = await alice.createRoom({ initial_state: [knocking] });
    await carol.ok('POST', `/v3/knock/${encodeURIComponent(closed)}`, { reason: 'let me in' });
    assert.equal(
      (await alice.ok('GET', alice.room(closed, `/state/m.room.member/${carol.userId}`))).membership,
      'knock',
    );

    await alice.ok('POST', alice.room(room, '/read_markers'), { 'm.fully_read': four.event_id });
    const marker = `/v3/user/${alice.userId}/rooms/${encodeURIComponent(room)}/account_data/m.fully_read`;
    assert.equal((await alice.ok('GET', marker)).event_id, four.event_id);
    const fixed = { msgtype: 'm.text', body: 'four!' };
    const edit = { rel_type: 'm.replace', event_id: four.event_id };
    const editId = await alice.send(room, 'm.room.message', {
      ...{ msgtype: 'm.text', body: '* four!', 'm.new_content': fixed, 'm.relates_to': edit },
    });
    const relations = `/v1/rooms/${encodeURIComponent(room)}/relations/${encodeURIComponent(four.event_id)}`;
    const related = await alice.ok('GET', relations);
    assert.deepEqual(
      related.chunk.map((event: Json) => event.event_id),
      [editId],
    );
    const event = await alice.ok('GET', alice.room(room, `/event/${encodeURIComponent(four.event_id)}`));
    assert.equal(event.unsigned['m.relations']['m.replace'].content['m.new_content'].body, 'four!');
    assert.ok((await alice.ok('GET', '/v3/capabilities')).capabilities['m.room_versions']);

    const topic = await alice.setState(room, 'm.room.topic', { topic: 'to be taken back' });
    await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(topic)}/1`), {});
    assert.deepEqual(await alice.ok('GET', alice.room(room, '/state/m.room.topic')), {});
  });
});

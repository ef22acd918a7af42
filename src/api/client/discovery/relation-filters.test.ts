import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import { ids, relates } from './testing/relations.ts';

onServers('filters ask for events by how they relate to others (MSC3874)', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const { next_batch: before } = await alice.sync();
  const plain = await alice.say(room, 'plain');
  const threaded = await alice.say(room, 'threaded', relates('m.thread', plain));
  const referring = await alice.say(room, 'referring', relates('m.reference', plain));
  const find = async (filter: object) => {
    const text = encodeURIComponent(JSON.stringify(filter));
    return ids(
      (await alice.ok('GET', alice.room(room, `/messages?dir=f&from=${before}&filter=${text}`))).chunk,
    );
  };
  const [only, not] = ['org.matrix.msc3874.rel_types', 'org.matrix.msc3874.not_rel_types'];
  assert.deepEqual(await find({ [only]: ['m.thread'] }), [threaded]);
  assert.deepEqual(await find({ [only]: ['m.thread', 'm.reference'] }), [threaded, referring]);
  assert.deepEqual(await find({ [not]: ['m.thread'] }), [plain, referring]);
  assert.deepEqual(await find({ [not]: ['m.thread', 'm.reference'] }), [plain]);
  assert.deepEqual(await find({ [only]: ['m.thread', 'm.reference'], [not]: ['m.thread'] }), [referring]);
  const filter = JSON.stringify({ room: { timeline: { [not]: ['m.thread'] } } });
  const synced = await alice.sync({ since: before, filter });
  assert.deepEqual(ids(synced.rooms.join[room].timeline.events), [plain, referring]);
});

onServers('filters ask for events by what relates to them [B031]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const { next_batch: before } = await alice.sync();
  const threaded = await alice.say(room, 'threaded');
  const liked = await alice.say(room, 'liked');
  await alice.say(room, 'plain');
  await bob.say(room, 'reply', relates('m.thread', threaded));
  await alice.send(room, 'm.reaction', relates('m.annotation', liked, { key: 'x' }));
  const find = async (filter: object) => {
    const text = encodeURIComponent(JSON.stringify(filter));
    return ids((await alice.ok('GET', alice.room(room, `/messages?dir=b&filter=${text}`))).chunk);
  };
  assert.deepEqual(await find({ related_by_rel_types: ['m.thread'] }), [threaded]);
  assert.deepEqual(await find({ related_by_rel_types: ['m.thread', 'm.annotation'] }), [liked, threaded]);
  assert.deepEqual(await find({ related_by_senders: [bob.userId] }), [threaded]);
  assert.deepEqual(
    await find({ related_by_senders: [alice.userId], related_by_rel_types: ['m.thread'] }),
    [],
  );
  assert.deepEqual(await find({ related_by_senders: [] }), []);
  const filter = { room: { timeline: { related_by_senders: [alice.userId] } } };
  const synced = await alice.sync({ since: before, filter: JSON.stringify(filter) });
  assert.deepEqual(ids(synced.rooms.join[room].timeline.events), [liked]);
  const many = Array.from({ length: 51 }, () => 'm.thread');
  const text = encodeURIComponent(JSON.stringify({ related_by_rel_types: many }));
  await alice.fails(400, 'M_BAD_JSON', 'GET', alice.room(room, `/messages?dir=b&filter=${text}`));
});

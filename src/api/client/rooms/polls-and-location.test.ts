import assert from 'node:assert/strict';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';

const POLL = 'org.matrix.msc3381.poll';

onServers('a poll is asked, answered and ended, and only its answers are silent [B141]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const unread = async () => (await bob.sync()).rooms.join[room].unread_notifications.notification_count;
  const answers = [
    { id: 'a', 'org.matrix.msc1767.text': 'Tea' },
    { id: 'b', 'org.matrix.msc1767.text': 'Coffee' },
  ];
  const question = { body: 'What to drink?', 'org.matrix.msc1767.text': 'What to drink?' };
  const kind = 'org.matrix.msc3381.poll.disclosed';
  const poll = await alice.send(room, `${POLL}.start`, {
    [`${POLL}.start`]: { question, kind, max_selections: 1, answers },
  });
  assert.equal(await unread(), 1);
  const about = { 'm.relates_to': { rel_type: 'm.reference', event_id: poll } };
  await alice.send(room, `${POLL}.response`, { ...about, [`${POLL}.response`]: { answers: ['a'] } });
  assert.equal(await unread(), 1, 'who answers wakes nobody');
  await bob.send(room, `${POLL}.response`, { ...about, [`${POLL}.response`]: { answers: ['b'] } });
  await alice.send(room, `${POLL}.end`, { ...about, [`${POLL}.end`]: {} });
  assert.equal(await unread(), 1, 'what bob sent himself has read the question');
  const related = `/v1/rooms/${encodeURIComponent(room)}/relations/${poll}/m.reference`;
  const { chunk } = await bob.ok('GET', `${related}/${POLL}.response`);
  assert.deepEqual(
    chunk.map((event: Json) => [event.sender, event.content[`${POLL}.response`].answers]),
    [
      [bob.userId, ['b']],
      [alice.userId, ['a']],
    ],
  );
  const ended = await bob.ok('GET', `${related}/${POLL}.end`);
  assert.deepEqual(ended.chunk.length, 1);
});

onServers('voice messages reach others with length and waveform [B141 partial]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const content = {
    body: 'Voice message',
    msgtype: 'm.audio',
    url: 'mxc://localhost/voice',
    info: { mimetype: 'audio/ogg', duration: 3_000, size: 7_000 },
    'org.matrix.msc1767.audio': { duration: 3_000, waveform: [0, 512, 1_024] },
    'org.matrix.msc3245.voice': {},
  };
  const said = await alice.send(room, 'm.room.message', content);
  assert.deepEqual((await bob.ok('GET', bob.room(room, `/event/${said}`))).content, content);
});

onServers(
  'people who may tell where they are share it live, each of themselves [B141 partial]',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const type = 'org.matrix.msc3672.beacon_info';
    const room = await alice.createRoom({
      preset: 'public_chat',
      power_level_content_override: { events: { [type]: 0 } },
    });
    await bob.join(room);
    const info = { description: 'on my way', live: true, timeout: 60_000, 'org.matrix.msc3488.ts': 1 };
    const beacon = await bob.setState(room, type, info, bob.userId);
    const path = `/state/${type}/${encodeURIComponent(alice.userId)}`;
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', bob.room(room, path), info);
    const { next_batch: since } = await alice.sync();
    const at = { uri: 'geo:52.5,13.4;u=35', description: 'here' };
    const about = { 'm.relates_to': { rel_type: 'm.reference', event_id: beacon } };
    await bob.send(room, 'org.matrix.msc3672.beacon', { ...about, 'org.matrix.msc3488.location': at });
    const { timeline, unread_notifications: unread } = (await alice.sync({ since })).rooms.join[room];
    assert.deepEqual(timeline.events.at(-1).content['org.matrix.msc3488.location'], at);
    assert.equal(unread.notification_count, 0, 'a step on the way wakes nobody');
    await bob.setState(room, type, { ...info, live: false }, bob.userId);
    const shown = await alice.ok('GET', alice.room(room, `/state/${type}/${encodeURIComponent(bob.userId)}`));
    assert.equal(shown.live, false);
  },
);

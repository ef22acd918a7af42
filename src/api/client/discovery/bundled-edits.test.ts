import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import { relates, edit, bundle } from './testing/relations.ts';

onServers('the newest valid edit is bundled [B048]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const original = await alice.say(room, 'original');
  await edit(bob, room, original, 'by somebody else');
  await alice.say(room, 'without new content', relates('m.replace', original));
  await alice.send(room, 'm.other', { 'm.new_content': {}, ...relates('m.replace', original) });
  assert.equal(await bundle(bob, room, original), undefined);

  const unread = async () => (await bob.sync()).rooms.join[room].unread_notifications.notification_count;
  const before = await unread();
  const first = await edit(alice, room, original, 'first');
  const second = await edit(alice, room, original, 'second');
  await edit(alice, room, second, 'an edit of an edit');
  assert.equal(await unread(), before);
  const found = await bundle(bob, room, original);
  assert.deepEqual(Object.keys(found), ['m.replace']);
  const { event_id: id, sender, type, room_id: roomId, content } = found['m.replace'];
  assert.deepEqual([id, sender, type, roomId], [second, alice.userId, 'm.room.message', room]);
  assert.equal(content['m.new_content'].body, 'second');
  assert.equal(await bundle(bob, room, second), undefined);
  const whole = await bob.ok('GET', bob.room(room, `/event/${original}`));
  assert.equal(whole.content.body, 'original');

  await alice.ok('PUT', alice.room(room, `/redact/${second}/r1`), {});
  assert.equal((await bundle(bob, room, original))['m.replace'].event_id, first);
  await s.restart();
  const carol = await s.person('carol');
  await carol.join(room);
  assert.equal((await bundle(carol, room, original))['m.replace'].event_id, first);
});

onServers('an edited event that is redacted shows no edit; encrypted and state events [B048]', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const original = await alice.say(room, 'original');
  await edit(alice, room, original, 'edited');
  const reference = await alice.say(room, 'see', relates('m.reference', original));
  await alice.ok('PUT', alice.room(room, `/redact/${original}/r1`), {});
  assert.deepEqual(await bundle(alice, room, original), {
    'm.reference': { chunk: [{ event_id: reference }] },
  });

  const encrypted = { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'x' };
  const secret = await alice.send(room, 'm.room.encrypted', encrypted);
  const secretEdit = await alice.send(room, 'm.room.encrypted', {
    ...encrypted,
    ...relates('m.replace', secret),
  });
  assert.equal((await bundle(alice, room, secret))['m.replace'].event_id, secretEdit);

  const topic = await alice.setState(room, 'm.room.topic', { topic: 'a' });
  await alice.send(room, 'm.room.topic', { topic: 'b', 'm.new_content': {}, ...relates('m.replace', topic) });
  assert.equal(await bundle(alice, room, topic), undefined);
});

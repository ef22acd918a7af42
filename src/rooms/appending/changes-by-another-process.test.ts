import assert from 'node:assert/strict';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { onTwoProcesses } from '../../testing/server/two-processes.ts';

onTwoProcesses('who left at one process and joins at another at once is in the room', async (p) => {
  const [alice, bob] = [await p.person('alice'), await p.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await p.there(bob).say(room, 'the room is in use there');
  const { next_batch: since } = await alice.sync();
  const hear = p.deafen();
  await bob.ok('POST', bob.room(room, '/leave'), {});
  const joined = p.there(bob).ask('POST', bob.room(room, '/join'), {});
  const isBack = (body: Json) =>
    body.rooms?.join?.[room]?.timeline.events.some(
      (one: Json) => one.state_key === bob.userId && one.content.membership === 'join',
    ) === true;
  await Promise.race([joined, alice.syncUntil(since, isBack).catch(() => undefined)]);
  hear();
  assert.equal((await joined).status, 200);
  const members = await alice.ok('GET', alice.room(room, '/joined_members'));
  assert.ok(members.joined[bob.userId] !== undefined);
});

onTwoProcesses('a topic that another process changed is changed back', async (p) => {
  const alice = await p.person('alice');
  const room = await alice.createRoom({ topic: 'tea' });
  const topic = alice.room(room, '/state/m.room.topic');
  await p.there(alice).ok('PUT', topic, { topic: 'coffee' });
  const { next_batch: since } = await alice.sync();
  const hear = p.deafen();
  await alice.ok('PUT', topic, { topic: 'tea' });
  const set = p.there(alice).ask('PUT', topic, { topic: 'coffee' });
  const isBack = (body: Json) =>
    body.rooms?.join?.[room]?.timeline.events.some((one: Json) => one.content.topic === 'coffee') === true;
  await Promise.race([set, alice.syncUntil(since, isBack).catch(() => undefined)]);
  hear();
  assert.equal((await set).status, 200);
  assert.equal((await alice.ok('GET', topic)).topic, 'coffee');
});

onTwoProcesses('who finds something there already is told of what was kept', async (p) => {
  const alice = await p.person('alice');
  const roomId = (await alice.createRoom()) as RoomId;
  const { writer } = p.otherServices;
  await p.there(alice).say(roomId, 'the room is in use there');
  const hear = p.deafen();
  await alice.say(roomId, 'first');
  const topic = { type: 'm.room.topic', stateKey: '', content: { topic: 'tea' } };
  const set = writer.append(roomId, (room) => room.add({ ...topic, sender: alice.userId as UserId }));
  const asked = Promise.withResolvers<void>();
  const found = writer.append(roomId, async (room) => {
    asked.resolve();
    return room.stateEvent('m.room.topic', '');
  });
  await asked.promise;
  hear();
  assert.equal((await found)?.eventId, (await set).eventId);
});

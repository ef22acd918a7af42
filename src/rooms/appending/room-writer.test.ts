import assert from 'node:assert/strict';
import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import { onServers } from '../../testing/server/test-server.ts';
import { bodies } from '../../testing/client/test-client.ts';
import type { RoomWriter } from './room-writer.ts';

/** More decisions about other rooms than a head is kept for. */
const LONG = 10_001;

/** Decides about a room so often, to no effect, that whatever is not used meanwhile is out of use. */
async function decideElsewhere(writer: RoomWriter, roomId: RoomId): Promise<void> {
  for (let i = 0; i < LONG; i++) await writer.append(roomId, () => Promise.resolve());
}

onServers('a room that is not used leaves memory, and goes on where it stood', async ({ person, server }) => {
  const alice = await person('alice');
  const roomId = (await alice.createRoom()) as RoomId;
  const other = (await alice.createRoom()) as RoomId;
  const { writer, log } = server.services;
  await alice.setState(roomId, 'm.room.topic', { topic: 'before' });
  const before = (await alice.say(roomId, 'before')) as EventId;
  assert.deepEqual(writer.knownRoom(roomId)?.point.extremities, [before]);
  await decideElsewhere(writer, other);
  assert.equal(writer.knownRoom(roomId), undefined);
  assert.notEqual(writer.knownRoom(other), undefined);
  const after = (await alice.say(roomId, 'after')) as EventId;
  assert.deepEqual((await log.byId(after))?.prevEventIds, [before]);
  const topic = (await alice.setState(roomId, 'm.room.topic', { topic: 'after' })) as EventId;
  assert.deepEqual(writer.knownRoom(roomId)?.point.extremities, [topic]);
  const replaced = (await log.byId(topic))?.replaces;
  assert.ok(replaced);
  assert.equal((await log.byId(replaced))?.content.topic, 'before');
});

onServers(
  'a room that leaves memory in the midst of a decision does not fork',
  async ({ person, server }) => {
    const alice = await person('alice');
    const roomId = (await alice.createRoom()) as RoomId;
    const other = (await alice.createRoom()) as RoomId;
    const { writer, log } = server.services;
    const ready = Promise.withResolvers<void>();
    const slow = writer.append(roomId, async (room) => {
      await ready.promise;
      const content = { msgtype: 'm.text', body: 'slow' };
      return room.add({ type: 'm.room.message', content, sender: alice.userId as UserId });
    });
    await decideElsewhere(writer, other);
    const quick = (await alice.say(roomId, 'quick')) as EventId;
    ready.resolve();
    const { eventId } = await slow;
    assert.deepEqual((await log.byId(eventId))?.prevEventIds, [quick]);
    const last = (await alice.say(roomId, 'last')) as EventId;
    assert.deepEqual((await log.byId(last))?.prevEventIds, [eventId]);
    const { chunk } = await alice.ok('GET', alice.room(roomId, '/messages?dir=b&limit=3'));
    assert.deepEqual(bodies(chunk), ['last', 'slow', 'quick']);
  },
);

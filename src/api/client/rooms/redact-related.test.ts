import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import type { TestClient } from '../../../testing/client/test-client.ts';

async function isRedacted(client: TestClient, room: string, event: string): Promise<boolean> {
  const found = await client.ok('GET', client.room(room, `/event/${encodeURIComponent(event)}`));
  return found.unsigned.redacted_because !== undefined;
}

function redact(client: TestClient, room: string, event: string, body: object, txn = 'r'): Promise<unknown> {
  return client.ok('PUT', client.room(room, `/redact/${encodeURIComponent(event)}/${txn}`), body);
}

onServers('an event is redacted with what relates to it [B146]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const root = await bob.say(room, 'root');
  const relating = (client: TestClient, type: string, text: string) =>
    client.say(room, text, { 'm.relates_to': { rel_type: type, event_id: root } });
  const edit = await relating(bob, 'm.replace', 'edited');
  const reply = await relating(bob, 'm.thread', 'in the thread');
  const others = await relating(alice, 'm.thread', 'of somebody else');
  const reference = await relating(bob, 'm.reference', 'see there');
  const name = 'org.matrix.msc3912.with_relations';
  await redact(bob, room, root, { reason: 'spam', [name]: ['m.replace', 'm.thread'] });
  const state = async () => {
    const events = [root, edit, reply, others, reference];
    return Promise.all(events.map((event) => isRedacted(bob, room, event)));
  };
  assert.deepEqual(await state(), [true, true, true, false, false]);
  const redacted = await bob.ok('GET', bob.room(room, `/event/${encodeURIComponent(reply)}`));
  assert.equal(redacted.unsigned.redacted_because.content.reason, 'spam');
  const { next_batch: since } = await bob.sync();
  await redact(bob, room, root, { reason: 'spam', [name]: ['m.replace', 'm.thread'] });
  assert.equal((await bob.sync({ since })).rooms, undefined);
  await redact(alice, room, root, { with_rel_types: ['*'] }, 'all');
  assert.deepEqual(await state(), [true, true, true, true, true]);
  const versions = await bob.ok('GET', '/_matrix/client/versions');
  assert.equal(versions.unstable_features['org.matrix.msc3912'], true);
  await bob.fails(400, 'M_BAD_JSON', 'PUT', bob.room(room, `/redact/${root}/x`), { [name]: 'all' });
});

import assert from 'node:assert/strict';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';
import { bodies, type Json, type TestClient } from '../../testing/client/test-client.ts';

/** What Bob reads in a room of which his server missed so many messages, and what was said. Both have the same state then. */
async function afterMissing(
  { a, b }: TestFederation,
  count: number,
): Promise<{ seen: unknown[]; said: string[] }> {
  const [alice, bob] = [await a.person('alice'), await b.person('bob')];
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.ok('POST', `/v3/join/${encodeURIComponent(roomId)}?via=${a.name}`, {});
  const { next_batch: since } = await bob.sync();
  await b.stop();
  const said: string[] = [];
  for (let i = 0; i < count; i++) {
    if (i === 30) await (await a.person('carol')).join(roomId);
    if (i === 60) await alice.ok('PUT', alice.room(roomId, '/state/m.room.topic/'), { topic: 'missed' });
    await alice.say(roomId, `m${i}`);
    said.push(`m${i}`);
  }
  await b.start();
  const back = b.client(bob.token);
  await alice.say(roomId, 'after all');
  said.push('after all');
  await back.syncUntil(since, (body) =>
    bodies(body.rooms?.join?.[roomId]?.timeline.events).includes('after all'),
  );
  const seen = await read(back, roomId);
  assert.deepEqual(await state(back, roomId), await state(alice, roomId));
  return { seen, said };
}

/** What is said in the room, page by page from its end to its beginning; given from the oldest on. */
async function read(person: TestClient, roomId: string): Promise<unknown[]> {
  const pages: unknown[][] = [];
  for (let from: string | undefined = ''; from !== undefined;) {
    const query: string = from === '' ? '' : `&from=${from}`;
    const page: Json = await person.ok('GET', person.room(roomId, `/messages?dir=b&limit=100${query}`));
    pages.push(bodies(page.chunk).reverse());
    from = page.end as string | undefined;
  }
  return pages.reverse().flat();
}

/** The IDs of the events of the present state. */
async function state(person: TestClient, roomId: string): Promise<string[]> {
  const events: Json[] = await person.ok('GET', person.room(roomId, '/state'));
  return events.map((event) => event.event_id as string).sort();
}

onFederation(
  'a server that was away for 1,000 messages asks for them and has them in their order, and the state after them',
  async (federation) => {
    const { seen, said } = await afterMissing(federation, 1_000);
    assert.deepEqual(seen, said);
  },
);

onFederation(
  'of more messages than a server asks for the state before the last of them is fetched; the others are read as history',
  async (federation) => {
    const { seen, said } = await afterMissing(federation, 2_200);
    assert.deepEqual(seen.slice(-2_000), said.slice(-2_000), 'those that were asked for');
    assert.deepEqual([...seen].sort(), [...said].sort(), 'all, each once');
  },
  { engines: ['sqlite'] },
);

import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

onFederation(
  'of several receipts at one event, that for all threads is shown, here and there [B063 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room, a.name);
    const root = await alice.say(room, 'root');
    const reply = await alice.say(room, 'reply', {
      'm.relates_to': { rel_type: 'm.thread', event_id: root },
    });
    const path = alice.room(room, `/receipt/m.read/${encodeURIComponent(reply)}`);
    const shown = (body: Json) =>
      body.rooms?.join?.[room]?.ephemeral?.events?.find((event: Json) => event.type === 'm.receipt')?.content[
        reply
      ]?.['m.read']?.[alice.userId];
    for (const receipt of [{}, { thread_id: root }]) await alice.ok('POST', path, receipt);
    const own = shown(await alice.sync());
    assert.ok(own && own.thread_id === undefined);
    await bob.syncUntil(undefined, (body) => {
      const seen = shown(body);
      return seen !== undefined && seen.thread_id === undefined;
    });
  },
);

onServers('a receipt in a thread is for events of that thread [B063 partial]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const root = await alice.say(room, 'root');
  const other = await alice.say(room, 'another');
  const about = (relType: string, eventId: string) => ({
    'm.relates_to': { rel_type: relType, event_id: eventId },
  });
  const reply = await alice.say(room, 'reply', about('m.thread', root));
  const reference = await alice.say(room, 'about a reply', about('m.reference', reply));
  const aside = await alice.say(room, 'about the root', about('m.reference', root));
  const further = await alice.say(room, 'about that', about('m.annotation', aside));
  const gone = await alice.say(room, 'gone', about('m.thread', root));
  await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(gone)}/1`), {});
  const read = (eventId: string) => alice.room(room, `/receipt/m.read/${encodeURIComponent(eventId)}`);
  for (const [eventId, thread] of [
    [root, 'main'],
    [root, root],
    [other, 'main'],
    [reply, root],
    [reference, root],
    [gone, root],
    // These are in the main timeline, but related to the thread.
    [aside, 'main'],
    [aside, root],
    [further, root],
  ] as const) {
    await alice.ok('POST', read(eventId), { thread_id: thread });
  }
  for (const [eventId, thread] of [
    [other, root],
    [reply, 'main'],
    [reply, other],
    [reference, 'main'],
  ] as const) {
    await alice.fails(400, 'M_INVALID_PARAM', 'POST', read(eventId), { thread_id: thread });
  }
});

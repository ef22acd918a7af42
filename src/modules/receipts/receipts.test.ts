import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation.ts';
import type { Json } from '../../testing/test-client.ts';

onFederation(
  'of several receipts at one event, that for all threads is shown, here and there [B063 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.ok('POST', `/v3/join/${encodeURIComponent(room)}?via=${encodeURIComponent(a.name)}`, {});
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

import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { LAZY, whilePartial } from '../../testing/federation/partial-room.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';

onFederation(
  'what cannot be placed before the whole state is here is not lost by a restart in between [B104 partial]',
  async (federation) => {
    const { b } = federation;
    await whilePartial(federation, async ({ bob, room, remote, complete }) => {
      const { next_batch: since } = await bob.sync(LAZY);
      const [refusal] = await room.sendTo(b.name, room.say('too early'));
      assert.match(refusal ?? '', /could not be had/);
      const stopping = b.stop();
      complete(false);
      await stopping;
      const events = [...room.state.values()].map(({ pdu }) => pdu as Json);
      remote.answer = ({ url }) =>
        url.includes('/event_auth/') ? { status: 200, body: { auth_chain: events } } : undefined;
      await b.start();
      await b.client(bob.token).syncUntil(since, shows(room.roomId, 'too early'), LAZY);
    });
  },
);

onFederation(
  'who asks for the members of a room as it was before they were here gets all of them [B104 partial]',
  async (federation) => {
    await whilePartial(federation, async ({ bob, room, complete }) => {
      const { next_batch: at } = await bob.sync(LAZY);
      const asked = bob.ok('GET', bob.room(room.roomId, `/members?at=${at}`));
      complete(true);
      const names = (await asked).chunk.map((event: Json) => event.state_key.split(':')[0]);
      assert.deepEqual(names.sort(), ['@alice', '@bob', '@carol', '@mallory']);
    });
  },
);

function shows(roomId: string, text: string): (body: Json) => boolean {
  return (body) => bodies(body.rooms?.join?.[roomId]?.timeline.events).includes(text);
}

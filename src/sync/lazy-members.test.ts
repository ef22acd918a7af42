import assert from 'node:assert/strict';
import type { Json } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

const lazy = (state: object = {}, room: object = {}): string =>
  JSON.stringify({ room: { state: { lazy_load_members: true, ...state }, ...room } });
const membersIn = (events: Json): string[] =>
  (events ?? [])
    .filter((event: Json) => event.type === 'm.room.member')
    .map((event: Json) => event.state_key)
    .sort();

for (const key of ['state', 'state_after']) {
  onServers(
    `who stands for a room without a name comes with their membership in ${key} [B025 partial]`,
    async ({ person }) => {
      const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
      const room = await alice.createRoom({ preset: 'public_chat' });
      await bob.join(room);
      await carol.join(room);
      for (let i = 0; i < 12; i++) await alice.say(room, `m${i}`);
      const query = { filter: lazy(), use_state_after: String(key === 'state_after') };
      const first = await bob.sync(query);
      const body = first.rooms.join[room];
      assert.deepEqual([...body.summary['m.heroes']].sort(), [alice.userId, carol.userId]);
      assert.deepEqual(membersIn(body[key].events), [alice.userId, bob.userId, carol.userId]);
      const dave = await person('dave');
      await dave.join(room);
      const next = (await bob.sync({ ...query, since: first.next_batch })).rooms.join[room];
      assert.ok(next.summary['m.heroes'].includes(dave.userId));
      const told = key === 'state' ? next.timeline.events : next.state_after.events;
      assert.deepEqual(membersIn(told), [dave.userId]);
      assert.deepEqual(membersIn(next[key].events), key === 'state' ? [] : [dave.userId]);
    },
  );
}

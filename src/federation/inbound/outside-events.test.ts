import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { bodies } from '../../testing/client/test-client.ts';

onFederation('only who invited takes an invite of another server back [B106]', async ({ a, b }) => {
  const [alice, carol] = [await a.person('alice'), await a.person('carol')];
  const bob = await b.person('bob');
  const meeting = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(meeting, a.name);
  const room = await alice.createRoom({
    preset: 'public_chat',
    power_level_content_override: { invite: 0 },
  });
  await carol.join(room);
  await carol.ok('POST', carol.room(room, '/invite'), { user_id: bob.userId });
  await bob.syncUntil(undefined, (body) => body.rooms?.invite?.[room] !== undefined);
  await alice.ok('POST', alice.room(room, '/kick'), { user_id: bob.userId });
  await alice.say(meeting, 'later');
  await bob.syncUntil(undefined, (body) =>
    bodies(body.rooms?.join?.[meeting]?.timeline?.events).includes('later'),
  );
  assert.ok((await bob.sync()).rooms.invite[room], 'anybody could have sent such an event');
});

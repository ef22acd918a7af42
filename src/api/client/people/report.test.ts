import { onFederation } from '../../../testing/federation/federation.ts';

onFederation('Users and rooms of other servers can be reported, joined or not [B066]', async ({ a, b }) => {
  const [alice, bob] = [await a.person('alice'), await b.person('bob')];
  const room = await bob.createRoom({ invite: [alice.userId] });
  await alice.syncUntil(undefined, (body) => body.rooms?.invite?.[room] !== undefined);
  const reason = 'spam';
  await alice.ok('POST', `/v3/users/${encodeURIComponent(bob.userId)}/report`, { reason });
  await alice.ok('POST', alice.room(room, '/report'), { reason });
  const carol = await a.person('carol');
  await carol.fails(404, 'M_NOT_FOUND', 'POST', carol.room(room, '/report'), { reason });
});

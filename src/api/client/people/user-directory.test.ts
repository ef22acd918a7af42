import assert from 'node:assert/strict';
import type { UserId } from '../../../protocol/identifiers.ts';
import { setTerms } from '../../../storage/accounts/user-directory-store.ts';
import { UnitOfWork } from '../../../storage/unit-of-work.ts';
import type { TestClient } from '../../../testing/client/test-client.ts';
import { onFederation } from '../../../testing/federation/federation.ts';
import { openPlaceDatabase } from '../../../testing/server/place-database.ts';
import { onServers } from '../../../testing/server/test-server.ts';

async function found(client: TestClient, term: string): Promise<string[]> {
  const answer = await client.ok('POST', '/v3/user_directory/search', { search_term: term });
  return answer.results.map((result: { user_id: string }) => result.user_id);
}

onServers('people of one’s own rooms are found among thousands of their name', async (s) => {
  const [alice, mate, stranger] = [await s.person('alice'), await s.person('miaz'), await s.person('miaz2')];
  await mate.join(await alice.createRoom({ invite: [mate.userId] }));
  const unit = new UnitOfWork();
  for (let i = 0; i < 2_500; i++) {
    const name = `mia${String(i).padStart(4, '0')}`;
    setTerms(unit, `@${name}:localhost` as UserId, 'id', [name]);
  }
  const database = await openPlaceDatabase(s.place);
  await database.commit(unit);
  await database.close();
  assert.deepEqual(await found(alice, 'mia'), [mate.userId]);
  assert.deepEqual(await found(stranger, 'mia'), []);
  const open = await s.person('mia-a');
  await open.createRoom({ preset: 'public_chat' });
  assert.deepEqual(await found(alice, 'mia'), [mate.userId, open.userId], 'one’s own people first');
  assert.deepEqual(await found(stranger, 'mia'), [open.userId]);
});

onServers('a search for people says that its limit left somebody out, whatever the limit', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  await bob.join(await alice.createRoom({ invite: [bob.userId] }));
  const limited = async (term: string, limit: number) =>
    (await alice.ok('POST', '/v3/user_directory/search', { search_term: term, limit })).limited;
  assert.deepEqual([await limited('bob', 0), await limited('bob', 1)], [true, false]);
  assert.equal(await limited('nobody', 0), false);
});

onServers('people are found by a name that has a colon in it', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const name = { displayname: 'Night shift: Robert' };
  await bob.ok('PUT', `/v3/profile/${bob.userId}/displayname`, name);
  await bob.join(await alice.createRoom({ invite: [bob.userId] }));
  for (const term of ['night shift: rob', 'shift:', 'bob:localhost', '@bob:loc'])
    assert.deepEqual(await found(alice, term), [bob.userId], term);
  for (const term of ['shift: alice', 'bob:elsewhere', ':', 'bob: alice'])
    assert.deepEqual(await found(alice, term), [], term);
});

onFederation('people of other servers are found by whoever shares a room with them', async ({ a, b }) => {
  const [alice, carol] = [await a.person('alice'), await a.person('carol')];
  const bob = await b.person('bob');
  const profile = `/v3/profile/${encodeURIComponent(bob.userId)}`;
  await bob.ok('PUT', `${profile}/displayname`, { displayname: 'Robert Ünal' });
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room, a.name);
  await alice.syncUntil(undefined, (body) => {
    const { timeline, state } = body.rooms?.join?.[room] ?? {};
    return JSON.stringify([timeline, state]).includes(bob.userId);
  });
  for (const term of ['bob', bob.userId, 'ÜNAL', 'rob ün'])
    assert.deepEqual(await found(alice, term), [bob.userId], term);
  const answer = await alice.ok('POST', '/v3/user_directory/search', { search_term: 'robert' });
  assert.deepEqual(answer.results, [{ user_id: bob.userId, display_name: 'Robert Ünal' }]);
  assert.deepEqual(await found(alice, 'robert smith'), []);
  assert.deepEqual(await found(carol, 'robert'), []);
});

import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import type { TestClient } from '../../testing/client/test-client.ts';
import { says, sees } from './testing/room-sight.ts';

onFederation(
  'a restricted room is joined through another room, with a server that vouches [B104 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const carol = await b.person('carol');
    for (const version of ['8', '10', '12']) {
      const club = await alice.createRoom({ preset: 'public_chat', room_version: version });
      const allow = [{ type: 'm.room_membership', room_id: club }];
      const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } };
      const room = await alice.createRoom({ room_version: version, initial_state: [rules] });
      const path = `/v3/join/${encodeURIComponent(room)}?via=${encodeURIComponent(a.name)}`;
      await carol.fails(403, 'M_FORBIDDEN', 'POST', path, {});
      await bob.join(club, a.name);
      await bob.join(room, a.name);
      const member = await bob.ok('GET', bob.room(room, `/state/m.room.member/${bob.userId}`));
      assert.equal(member.join_authorised_via_users_server, alice.userId);
      await bob.say(room, 'in');
      await sees(alice, room, says('in'));
      await carol.join(club, b.name);
      await carol.join(room);
      await sees(alice, room, (event) => event.state_key === carol.userId);
    }
  },
);

onFederation(
  'a client cannot say who vouches for it: nobody gets into a restricted room like that [B104 partial]',
  async ({ a, b }) => {
    const [alice, dave, bob] = [await a.person('alice'), await a.person('dave'), await b.person('bob')];
    const club = await alice.createRoom({ preset: 'public_chat' });
    const allow = [{ type: 'm.room_membership', room_id: club }];
    const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } };
    const room = await alice.createRoom({ initial_state: [rules] });
    const claims = { membership: 'join', join_authorised_via_users_server: alice.userId };
    const own = (person: TestClient) => person.room(room, `/state/m.room.member/${person.userId}`);
    await dave.fails(403, 'M_FORBIDDEN', 'PUT', own(dave), claims);
    await bob.join(club, a.name);
    await bob.join(room, a.name);
    await bob.ok('PUT', own(bob), { ...claims, displayname: 'Bobby' });
    await sees(alice, room, (event) => event.content.displayname === 'Bobby');
    for (const left of [room, club]) {
      await bob.ok('POST', bob.room(left, '/leave'), {});
      await sees(alice, left, (event) => event.content.membership === 'leave');
    }
    const path = `/v3/join/${encodeURIComponent(room)}?via=${encodeURIComponent(a.name)}`;
    await bob.fails(403, 'M_FORBIDDEN', 'POST', path, {});
  },
);

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StandInIdentityServer } from '../../testing/identity/identity-server.ts';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import type { TestClient } from '../../testing/client/test-client.ts';

const identity = await StandInIdentityServer.start();
test.after(() => identity.close());

const env = { MYELIN_THREEPIDS_PLAIN_IDENTITY_SERVERS: identity.name };
const address = { medium: 'email', address: 'bob@example.org' };

/** Invites an address into a new room; gives the room, and the token of the invite. */
async function inviteAddress(alice: TestClient): Promise<{ room: string; token: string }> {
  const room = await alice.createRoom({});
  const access = { id_server: identity.name, id_access_token: 'token' };
  await alice.ok('POST', alice.room(room, '/invite'), { ...address, ...access });
  return { room, token: `invite${identity.invites.length}` };
}

/** What the identity server sends when somebody proved the address. */
async function bind(server: FederatingServer, mxid: string, room: string, sender: string, signed: object) {
  const invites = [{ ...address, mxid, room_id: room, sender, signed }];
  const answer = await fetch(`${server.server.url}/_matrix/federation/v1/3pid/onbind`, {
    method: 'PUT',
    body: JSON.stringify({ ...address, mxid, invites }),
  });
  assert.equal(answer.status, 200);
}

onFederation(
  'who proves an address on another server is invited to the rooms that wait for it [B108] [B079 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const { room, token } = await inviteAddress(alice);
    await bind(b, bob.userId, room, alice.userId, identity.signed(token, alice.userId, bob.userId));
    await bob.syncUntil(undefined, (body) => body.rooms?.invite?.[room] !== undefined);
    await bob.join(room);
    const member = await alice.ok('GET', alice.room(room, `/state/m.room.member/${bob.userId}`));
    assert.equal(member.membership, 'join');

    const ofOwnServer = await a.person('carol');
    const own = await inviteAddress(alice);
    const signed = identity.signed(own.token, alice.userId, ofOwnServer.userId);
    await bind(a, ofOwnServer.userId, own.room, alice.userId, signed);
    await ofOwnServer.join(own.room);

    const forged = await inviteAddress(alice);
    const wrong = identity.signed('another token', alice.userId, bob.userId);
    await bind(b, bob.userId, forged.room, alice.userId, { ...wrong, token: forged.token });
    const revoked = await inviteAddress(alice);
    identity.keyIsValid = false;
    await bind(
      b,
      bob.userId,
      revoked.room,
      alice.userId,
      identity.signed(revoked.token, alice.userId, bob.userId),
    );
    identity.keyIsValid = true;
    const invited = (await bob.sync()).rooms.invite ?? {};
    assert.deepEqual(
      Object.keys(invited),
      [],
      'what is not signed, or by a key that is no longer valid, invites nobody',
    );
  },
  { env },
);

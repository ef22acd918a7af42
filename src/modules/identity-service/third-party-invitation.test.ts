import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import { atIdentityServer, proveAddress } from '../../testing/identity/identity-client.ts';
import { MailSink } from '../../testing/gateways/mail-sink.ts';
import type { Json, TestClient } from '../../testing/client/test-client.ts';

const V2 = '/_matrix/identity/v2';
const V1_CLIENT = '/_matrix/client/api/v1';

const sink = await MailSink.start();
test.after(() => sink.close());

const identity = { MYELIN_MAIL_SMTP_URL: sink.url };
let people = 0;

/** A mail address that nobody had before. */
function newAddress(): { medium: string; address: string } {
  people += 1;
  return { medium: 'email', address: `person${people}@example.org` };
}

/** What a homeserver is told so that it may ask the identity server in somebody's name. */
function accessOf(
  client: TestClient,
  server: FederatingServer,
): { id_server: string; id_access_token: string } {
  return { id_server: server.name, id_access_token: client.token ?? '' };
}

/** Proves an address at the identity server, as somebody whom it knows. */
function prove(client: TestClient, email: string): Promise<{ sid: string; client_secret: string }> {
  return proveAddress(client, sink, email, V2);
}

/** How often an operation of a server was answered. */
async function timesAsked(server: FederatingServer, operation: string, status = '2xx'): Promise<number> {
  const text = await (await fetch(`${server.server.url}/metrics`)).text();
  const line = new RegExp(
    `myelin_request_seconds_count\\{endpoint="${operation}",status="${status}"\\} (\\d+)`,
  );
  return Number(line.exec(text)?.[1] ?? 0);
}

/** What waits in a room for whoever proves to have the address. */
async function offerIn(client: TestClient, roomId: string): Promise<Json> {
  const state = await client.ok('GET', client.room(roomId, '/state'));
  return state.find((event: Json) => event.type === 'm.room.third_party_invite');
}

function isInvited(room: Json | undefined, userId: string): boolean {
  return ((room?.timeline?.events ?? []) as Json[]).some(
    (event) => event.state_key === userId && event.content.membership === 'invite',
  );
}

onFederation(
  'from an unknown address to a joined room: by proving the address, and by the link of the mail [B079]',
  async ({ a, b, identity: id }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    await alice.ok('PUT', `/v3/profile/${alice.userId}/displayname`, { displayname: 'Alice A.' });
    const inviter = await atIdentityServer(alice, id.server.url);
    const guest = await atIdentityServer(bob, id.server.url);
    const access = accessOf(inviter, id);
    const threepid = newAddress();
    const room = await alice.createRoom({ name: 'The den' });
    await alice.ok('POST', alice.room(room, '/invite'), { ...threepid, ...access });
    const mail = await sink.arrived(threepid.address);
    assert.ok(mail.includes('Alice A.') && mail.includes('The den'));
    const offer = await offerIn(alice, room);
    assert.equal(offer.content.display_name, 'p...@e...');
    assert.equal(offer.content.public_key, offer.content.public_keys[0].public_key);
    assert.equal(new URL(offer.content.key_validity_url).host, id.name);

    const creds = await prove(guest, threepid.address);
    await guest.ok('POST', `${V2}/3pid/bind`, { ...creds, mxid: bob.userId });
    const told = await bob.syncUntil(undefined, (body) => body.rooms?.invite?.[room] !== undefined);
    const invite = told.rooms.invite[room].invite_state.events.find(
      (event: Json) => event.type === 'm.room.member' && event.state_key === bob.userId,
    );
    const { signed } = invite.content.third_party_invite;
    assert.equal(signed.mxid, bob.userId);
    assert.equal(signed.token, offer.state_key);
    assert.deepEqual(Object.keys(signed.signatures), [id.name]);
    // The invited server is asked to sign before the room has the invite.
    await alice.syncUntil(undefined, (body) => isInvited(body.rooms?.join?.[room], bob.userId));
    await bob.join(room);
    const member = await alice.ok('GET', alice.room(room, `/state/m.room.member/${bob.userId}`));
    assert.equal(member.membership, 'join');

    const second = await alice.createRoom({ invite_3pid: [{ ...threepid, ...access }] });
    await bob.syncUntil(undefined, (body) => body.rooms?.invite?.[second] !== undefined);
    assert.equal(await offerIn(alice, second), undefined, 'who is known is invited at once');

    const other = newAddress();
    const third = await alice.createRoom({ invite_3pid: [{ ...other, ...access }] });
    await sink.arrived(other.address);
    const link = new URLSearchParams(sink.link(other.address).hash.split('?')[1]);
    const signUrl = new URL(link.get('signurl') ?? '');
    assert.equal(signUrl.host, id.name);
    const ask = { mxid: bob.userId, ...Object.fromEntries(signUrl.searchParams) };
    const third_party_signed = await guest.ok('POST', `${V2}/sign-ed25519`, ask);
    assert.notEqual((await bob.ask('POST', bob.room(third, '/join'), {})).status, 200);
    const path = `/v3/join/${encodeURIComponent(third)}`;
    const forged = { ...third_party_signed, token: offer.state_key };
    assert.notEqual((await bob.ask('POST', path, { third_party_signed: forged })).status, 200);
    await bob.ok('POST', path, { third_party_signed });
    await bob.say(third, 'here I am');
    await alice.syncUntil(undefined, (body) =>
      body.rooms?.join?.[third]?.timeline.events.some((event: Json) => event.content.body === 'here I am'),
    );
  },
  { identity },
);

describe('2015: third-party invites', () => {
  onFederation(
    'in 2015 the server by which somebody comes in asks whether the key is good, and no other does [A082] [A117] [A118]',
    async ({ a, b, c, identity: id }) => {
      const [alice, bob, carol] = [await a.person('alice'), await b.person('bob'), await c.person('carol')];
      const room = await alice.createRoom({ preset: 'public_chat' });
      await carol.ok('POST', `/v3/join/${encodeURIComponent(room)}?server_name=${a.name}`, {});
      await alice.setState(room, 'm.room.join_rules', { join_rule: 'invite' });
      const threepid = newAddress();
      const invitation = { ...threepid, id_server: id.name, display_name: 'A cheeky monkey' };
      const path = `${V1_CLIENT}/rooms/${encodeURIComponent(room)}/invite`;
      await alice.ok('POST', path, invitation);
      const offer = await offerIn(alice, room);
      assert.equal(offer.content.display_name, 'A cheeky monkey');
      const { key_validity_url: url, public_key: publicKey } = offer.content;
      assert.equal(typeof publicKey, 'string');
      assert.equal(new URL(url).host, id.name);

      await sink.arrived(threepid.address);
      const link = new URLSearchParams(sink.link(threepid.address).hash.split('?')[1]);
      const signUrl = new URL(link.get('signurl') ?? '');
      const asked = signUrl.pathname + signUrl.search;
      const third_party_signed = await id.client(undefined).ok('POST', asked, { mxid: bob.userId });
      const join = `${V1_CLIENT}/join/${encodeURIComponent(room)}`;
      await id.stop();
      await bob.fails(403, 'M_FORBIDDEN', 'POST', join, { third_party_signed });
      await id.start();
      await bob.ok('POST', join, { third_party_signed });
      await carol.syncUntil(undefined, (body) =>
        body.rooms?.join?.[room]?.timeline.events.some(
          (event: Json) => event.state_key === bob.userId && event.content.membership === 'join',
        ),
      );
      assert.equal(await timesAsked(id, 'isEphemeralPubKeyValidV2'), 1);

      const guest = await atIdentityServer(bob, id.server.url);
      const creds = await prove(guest, threepid.address);
      const threePidCreds = { ...creds, id_server: id.name };
      const account = '/_matrix/client/v2_alpha/account/3pid';
      await bob.fails(400, 'M_THREEPID_AUTH_FAILED', 'POST', account, {
        threePidCreds: { ...threePidCreds, client_secret: 'wrong' },
      });
      const second = await alice.createRoom({});
      const pending = `${V1_CLIENT}/rooms/${encodeURIComponent(second)}/invite`;
      await alice.ok('POST', pending, invitation);
      await bob.ok('POST', account, { threePidCreds, bind: true });
      assert.deepEqual((await bob.ok('GET', account)).threepids, [threepid]);
      await bob.syncUntil(undefined, (body) => body.rooms?.invite?.[second] !== undefined);
      const known = await alice.createRoom({});
      await alice.ok('POST', `${V1_CLIENT}/rooms/${encodeURIComponent(known)}/invite`, invitation);
      await bob.syncUntil(undefined, (body) => body.rooms?.invite?.[known] !== undefined);
      assert.equal(await offerIn(alice, known), undefined);
    },
    { identity, servers: 3 },
  );
});

const late = { ms: 0 };

onFederation(
  'who cannot be reached is told again of what waits for a user; a homeserver unbinds what it has bound',
  async ({ a, b, identity: id }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const inviter = await atIdentityServer(alice, id.server.url);
    const guest = await atIdentityServer(bob, id.server.url);
    const threepid = newAddress();
    const room = await alice.createRoom({});
    await alice.ok('POST', alice.room(room, '/invite'), { ...threepid, ...accessOf(inviter, id) });
    const creds = await prove(guest, threepid.address);
    await b.stop();
    await guest.ok('POST', `${V2}/3pid/bind`, { ...creds, mxid: bob.userId });
    await id.stop();
    await b.start();
    late.ms += 61_000;
    await id.start();
    const there = b.client(bob.token);
    await there.syncUntil(undefined, (body) => body.rooms?.invite?.[room] !== undefined);

    const other = newAddress();
    const second = await alice.createRoom({});
    await alice.ok('POST', alice.room(second, '/invite'), { ...other, ...accessOf(inviter, id) });
    const guestAgain = id.client(guest.token);
    const proof = await prove(guestAgain, other.address);
    await a.stop();
    await guestAgain.ok('POST', `${V2}/3pid/bind`, { ...proof, mxid: bob.userId });
    while ((await timesAsked(b, 'onBindThirdPartyIdentifier', '5xx')) === 0) await setImmediate();
    await a.start();
    await id.stop();
    late.ms += 61_000;
    await id.start();
    await there.syncUntil(undefined, (body) => body.rooms?.invite?.[second] !== undefined);

    const bound = await there.ok('POST', '/v3/account/3pid/bind', { ...creds, ...accessOf(guest, id) });
    assert.deepEqual(bound, {});
    const unbound = await there.ok('POST', '/v3/account/3pid/unbind', { ...threepid });
    assert.deepEqual(unbound, { id_server_unbind_result: 'success' });
    const hers = a.client(alice.token);
    const next = await hers.createRoom({});
    await hers.ok('POST', hers.room(next, '/invite'), { ...threepid, ...accessOf(inviter, id) });
    assert.ok(await offerIn(hers, next), 'whose address it is was forgotten');
  },
  { identity, overrides: { clock: { now: () => Date.now() + late.ms } } },
);

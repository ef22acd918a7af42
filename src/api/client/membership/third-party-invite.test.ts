import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StandInIdentityServer } from '../../../testing/identity/identity-server.ts';
import { onServers } from '../../../testing/server/test-server.ts';

const identity = await StandInIdentityServer.start();
test.after(() => identity.close());

const env = {
  MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
  MYELIN_THREEPIDS_PLAIN_IDENTITY_SERVERS: identity.name,
};
const access = { id_server: identity.name, id_access_token: 'token' };

onServers(
  'invites by mail address: who is known at once, who is not by what the identity server signs [B079]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const carol = await s.person('carol');
    const roomId = await alice.createRoom();
    const invite = { medium: 'email', ...access };
    identity.bound.set('bob@example.org email', bob.userId);
    await alice.ok('POST', alice.room(roomId, '/invite'), { ...invite, address: 'Bob@example.org' });
    await bob.join(roomId);
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(roomId, '/invite'), {
      ...invite,
      address: 'x@example.org',
      id_access_token: 'wrong',
    });

    await alice.ok('POST', alice.room(roomId, '/invite'), { ...invite, address: 'carol@example.org' });
    const token = `invite${identity.invites.length}`;
    const offer = await alice.ok('GET', alice.room(roomId, `/state/m.room.third_party_invite/${token}`));
    assert.equal(offer.public_keys.length, 1);
    const signed = identity.signed(token, alice.userId, carol.userId);
    const forged = { ...signed, sender: bob.userId };
    const path = carol.room(roomId, '/join');
    await carol.fails(403, 'M_FORBIDDEN', 'POST', path, {});
    await carol.fails(403, 'M_FORBIDDEN', 'POST', path, { third_party_signed: forged });
    await carol.ok('POST', path, { third_party_signed: signed });

    const other = await alice.createRoom({ invite_3pid: [{ ...invite, address: 'dan@example.org' }] });
    assert.equal(identity.invites.at(-1)?.room_id, other);
  },
  { env },
);

onServers(
  'an identity server of 2015 gives one key, and tells where it always did whether that is valid [A082 partial]',
  async (s) => {
    const [alice, carol] = [await s.person('alice'), await s.person('carol')];
    const roomId = await alice.createRoom();
    const invite = { medium: 'email', address: 'carol@example.org', id_server: identity.name };
    const path = `/_matrix/client/api/v1/rooms/${encodeURIComponent(roomId)}/invite`;
    await alice.ok('POST', path, { ...invite, display_name: 'Carol' });
    const token = `invite${identity.invites.length}`;
    const offer = await alice.ok('GET', alice.room(roomId, `/state/m.room.third_party_invite/${token}`));
    assert.equal(offer.display_name, 'Carol');
    const place = `http://${identity.name}/_matrix/identity/api/v1/pubkey/isvalid`;
    assert.equal(offer.key_validity_url, place);
    const signed = identity.signed(token, alice.userId, carol.userId);
    const join = () => carol.ask('POST', carol.room(roomId, '/join'), { third_party_signed: signed });
    identity.keyIsValid = false;
    assert.equal((await join()).status, 403);
    identity.keyIsValid = true;
    assert.equal((await join()).status, 200);
  },
  { env },
);

onServers(
  'no mail is written for an invitation that the room would not take',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const levels = { invite: 50 };
    const room = await alice.createRoom({ preset: 'public_chat', power_level_content_override: levels });
    await bob.join(room);
    const before = identity.invites.length;
    const invite = { medium: 'email', address: 'frank@example.org', ...access };
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/invite'), invite);
    assert.equal(identity.invites.length, before);
    await alice.ok('POST', alice.room(room, '/invite'), invite);
    assert.equal(identity.invites.length, before + 1);
  },
  { env },
);

onServers(
  'binds at an identity server, and unbinds with the server’s signature [B014]',
  async (s) => {
    const erin = await s.person('erin');
    await erin.ok('POST', '/v3/account/3pid/bind', { sid: 's', client_secret: 'c', ...access });
    const before = identity.unbindings.length;
    const body = { medium: 'email', address: 'erin@example.org' };
    const answer = await erin.ok('POST', '/v3/account/3pid/unbind', body);
    assert.equal(answer.id_server_unbind_result, 'success');
    assert.equal(identity.unbindings.length, before + 1);
    assert.match(identity.unbindings.at(-1) ?? '', /^X-Matrix origin="[^"]+",destination="127/);
    for (const end of ['unbind', 'delete']) {
      const unknown = await erin.ok('POST', `/v3/account/3pid/${end}`, body);
      assert.equal(unknown.id_server_unbind_result, 'no-support', 'it is bound nowhere any more');
    }
    assert.equal(identity.unbindings.length, before + 1);
    const closed = { ...body, id_server: '127.0.0.1:1' };
    const refused = await erin.ok('POST', '/v3/account/3pid/unbind', closed);
    assert.equal(refused.id_server_unbind_result, 'no-support');
  },
  { env },
);

onServers(
  'what an identity server has against a binding is told as it says it, but for errors of its sessions [B014]',
  async (s) => {
    const erin = await s.person('erin');
    const body = { sid: 's', client_secret: 'c', ...access };
    const said = { error: 'In its own words' };
    for (const [status, errcode, told] of [
      [400, 'M_SESSION_NOT_VALIDATED', [400, 'M_SESSION_NOT_VALIDATED']],
      [403, 'M_TERMS_NOT_SIGNED', [403, 'M_TERMS_NOT_SIGNED']],
      [404, 'M_NO_VALID_SESSION', [404, 'M_NO_VALID_SESSION']],
      [401, 'M_UNKNOWN_TOKEN', [403, 'M_FORBIDDEN']],
      [200, 'M_UNKNOWN', [502, 'M_UNKNOWN']],
      [400, 'no code', [403, 'M_FORBIDDEN']],
    ] as const) {
      identity.refusal = [status, { errcode, ...said }];
      const answer = await erin.ask('POST', '/v3/account/3pid/bind', body);
      assert.deepEqual([answer.status, answer.body.errcode], told);
      if (told[1] === errcode && status !== 200) assert.equal(answer.body.error, said.error);
    }
    identity.refusal = undefined;
    const gone = { ...body, id_access_token: 'wrong' };
    await erin.fails(401, 'M_UNAUTHORIZED', 'POST', '/v3/account/3pid/bind', gone);
  },
  { env },
);

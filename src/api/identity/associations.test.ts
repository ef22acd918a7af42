import assert from 'node:assert/strict';
import { join } from 'node:path';
import { authorizationOf } from '../../federation/x-matrix.ts';
import { systemRandomness } from '../../platform/randomness.ts';
import { loadSigningKey } from '../../platform/signing-key-file.ts';
import { serverName } from '../../protocol/identifiers.ts';
import { lookupHash } from '../../protocol/identity/lookup-hash.ts';
import { SigningKey, VerifyKey, verifyJson } from '../../protocol/signing.ts';
import { atIdentityServer } from '../../testing/identity/identity-client.ts';
import { ENV, gateway, prove, sink, V2 } from '../../testing/identity/identity-scene.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

onServers(
  'a mail address and a phone number are proven by what was sent there, and by nothing else [B129]',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const to = `mail-${s.place.engine}@example.org`;
    const ask = { client_secret: 'secret', email: to, send_attempt: 1, next_link: 'https://next.example/' };
    const path = `${V2}/validate/email/requestToken`;
    await alice.fails(400, 'M_INVALID_EMAIL', 'POST', path, { ...ask, email: 'nobody' });
    await alice.fails(400, 'M_INVALID_PARAM', 'POST', path, { ...ask, client_secret: 'no secret' });
    const { sid } = await alice.ok('POST', path, ask);
    assert.equal((await alice.ok('POST', path, ask)).sid, sid);
    assert.equal(sink.count(to), 1);
    const token = sink.link(to).searchParams.get('token') ?? '';
    const submit = `${V2}/validate/email/submitToken`;
    const creds = { sid, client_secret: 'secret' };
    await alice.fails(400, 'M_TOKEN_INCORRECT', 'POST', submit, { ...creds, token: 'wrong' });
    await alice.fails(400, 'M_NO_VALID_SESSION', 'POST', submit, { sid: 'x', client_secret: 'y', token });
    const page = (more: object) =>
      fetch(`${alice.base}${submit}?${new URLSearchParams({ ...creds, token, ...more }).toString()}`, {
        redirect: 'manual',
      });
    const lacking = await fetch(`${alice.base}${submit}?sid=${sid}`);
    assert.equal(((await lacking.json()) as Json).errcode, 'M_MISSING_PARAMS');
    const refused = await page({ token: 'wrong' });
    assert.equal(refused.status, 400);
    assert.match(refused.headers.get('content-type') ?? '', /^text\/html/);
    const led = await page({});
    assert.equal(led.status, 303);
    assert.equal(led.headers.get('location'), 'https://next.example/');
    assert.deepEqual(await alice.ok('POST', submit, { ...creds, token }), { success: true });

    const plain = { client_secret: 'other', email: to, send_attempt: 1 };
    const other = await alice.ok('POST', path, plain);
    const link = sink.link(to, 2);
    assert.equal((await alice.ask('GET', link.pathname + link.search)).status, 200);
    const shown = await page({
      ...{ sid: other.sid, client_secret: 'other' },
      token: link.searchParams.get('token') ?? '',
    });
    assert.equal(shown.status, 200);
    assert.match(await shown.text(), /Your address is confirmed/);

    const phone = { client_secret: 'secret', country: 'GB', phone_number: '07911 123456', send_attempt: 1 };
    const byPhone = `${V2}/validate/msisdn/requestToken`;
    await alice.fails(400, 'M_INVALID_ADDRESS', 'POST', byPhone, { ...phone, phone_number: '12' });
    const called = await alice.ok('POST', byPhone, phone);
    assert.equal(gateway.texts.at(-1)?.to, '+447911123456');
    const code = { sid: called.sid, client_secret: 'secret', token: gateway.code };
    const submitCode = `${V2}/validate/msisdn/submitToken`;
    await alice.fails(400, 'M_TOKEN_INCORRECT', 'POST', submitCode, { ...code, token: 'wrong' });
    assert.deepEqual(await alice.ok('POST', submitCode, code), { success: true });
    const query = new URLSearchParams(code).toString();
    assert.equal((await fetch(`${alice.base}${submitCode}?${query}`)).status, 200);
    gateway.status = 500;
    const failing = { ...phone, phone_number: '07911 123457' };
    await alice.fails(400, 'M_SEND_ERROR', 'POST', byPhone, failing);
    gateway.status = 422;
    await alice.fails(400, 'M_DESTINATION_REJECTED', 'POST', byPhone, { ...failing, send_attempt: 2 });
    gateway.status = 200;
    await alice.fails(400, 'M_MISSING_PARAMS', 'POST', path, { email: to, send_attempt: 1 });
    await s.anonymous().fails(401, 'M_UNAUTHORIZED', 'POST', path, ask);
  },
  { env: ENV },
);

onServers(
  'a token that is asked for several times at once is sent once, and proves one session',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const there = Object.assign(new TestClient((await s.another()).url), { token: alice.token });
    for (let round = 0; round < 3; round++) {
      const to = `at-once-${round}-${s.place.engine}@example.org`;
      const ask = { client_secret: 'secret', email: to, send_attempt: 1 };
      const path = `${V2}/validate/email/requestToken`;
      const clients = Array.from({ length: 6 }, () => [alice, there]).flat();
      const begun = await Promise.all(clients.map((client) => client.ok('POST', path, ask)));
      assert.equal(new Set(begun.map(({ sid }) => sid)).size, 1);
      assert.equal(sink.count(to), 1);
      const token = sink.link(to).searchParams.get('token');
      const creds = { sid: begun[0].sid, client_secret: 'secret' };
      await alice.ok('POST', `${V2}/validate/email/submitToken`, { ...creds, token });
    }
  },
  { env: ENV },
);

const time = { ms: Date.now() };

onServers(
  'an association is signed, told, and taken back by its owner or by their homeserver [B130]',
  async (s) => {
    const person = await s.person('alice');
    const alice = await atIdentityServer(person);
    const bob = await atIdentityServer(await s.person('bob'));
    const to = `bound-${s.place.engine}@example.org`;
    const threepid = { medium: 'email', address: to };
    const ask = { client_secret: 'secret', email: to, send_attempt: 1 };
    const { sid } = await alice.ok('POST', `${V2}/validate/email/requestToken`, ask);
    const creds = { sid, client_secret: 'secret' };
    const validated = `${V2}/3pid/getValidated3pid?${new URLSearchParams(creds).toString()}`;
    const binding = { ...creds, mxid: alice.userId };
    await alice.fails(400, 'M_SESSION_NOT_VALIDATED', 'GET', validated);
    await alice.fails(400, 'M_SESSION_NOT_VALIDATED', 'POST', `${V2}/3pid/bind`, binding);
    const unknown = `${V2}/3pid/getValidated3pid?sid=a&client_secret=b`;
    await alice.fails(404, 'M_NO_VALID_SESSION', 'GET', unknown);
    const token = sink.link(to).searchParams.get('token');
    await alice.ok('POST', `${V2}/validate/email/submitToken`, { ...creds, token });
    const proven = await alice.ok('GET', validated);
    assert.deepEqual({ medium: proven.medium, address: proven.address }, threepid);
    assert.equal(typeof proven.validated_at, 'number');
    await bob.fails(403, 'M_FORBIDDEN', 'POST', `${V2}/3pid/bind`, binding);

    const bound = await alice.ok('POST', `${V2}/3pid/bind`, binding);
    assert.deepEqual(
      { medium: bound.medium, address: bound.address, mxid: bound.mxid },
      {
        ...threepid,
        mxid: alice.userId,
      },
    );
    const [keyId = ''] = Object.keys(bound.signatures.localhost);
    const { public_key: publicKey } = await bob.ok('GET', `${V2}/pubkey/${encodeURIComponent(keyId)}`);
    assert.ok(verifyJson(bound, 'localhost', keyId, VerifyKey.of(publicKey)));
    assert.ok(!verifyJson({ ...bound, mxid: bob.userId }, 'localhost', keyId, VerifyKey.of(publicKey)));

    const unbinding = { mxid: alice.userId, threepid };
    const path = `${V2}/3pid/unbind`;
    await bob.fails(403, 'M_FORBIDDEN', 'POST', path, unbinding);
    await bob.fails(404, 'M_NO_VALID_SESSION', 'POST', path, { ...unbinding, sid: 'a', client_secret: 'b' });
    const proofOfOther = await prove(bob, `bob-${to}`);
    await bob.fails(403, 'M_FORBIDDEN', 'POST', path, { ...unbinding, ...proofOfOther });
    assert.equal(await owner(alice, to), alice.userId);
    await alice.ok('POST', path, { ...unbinding, ...creds });
    assert.equal(await owner(alice, to), undefined);

    await alice.ok('POST', `${V2}/3pid/bind`, binding);
    const key = loadSigningKey(join(s.place.dataDir, 'signing.key'), systemRandomness);
    const signedBy = (one: SigningKey, content: typeof unbinding) => ({
      authorization: authorizationOf(
        {
          method: 'POST',
          uri: path,
          origin: serverName('localhost'),
          destination: serverName('localhost'),
          content,
        },
        one,
      ),
    });
    const send = (headers: { authorization: string }, content: typeof unbinding) =>
      fetch(alice.base + path, { method: 'POST', headers, body: JSON.stringify(content) });
    const forger = SigningKey.fromSeed(key.keyId, Buffer.alloc(32, 7));
    assert.equal((await send(signedBy(forger, unbinding), unbinding)).status, 403);
    const ofAnother = { ...unbinding, mxid: '@alice:elsewhere.example' };
    assert.equal((await send(signedBy(key, ofAnother), ofAnother)).status, 403);
    assert.equal(await owner(alice, to), alice.userId);
    assert.equal((await send(signedBy(key, unbinding), unbinding)).status, 200);
    assert.equal(await owner(alice, to), undefined);

    time.ms += 86_400_001;
    await alice.fails(400, 'M_SESSION_EXPIRED', 'GET', validated);
    await alice.fails(400, 'M_SESSION_EXPIRED', 'POST', `${V2}/3pid/bind`, binding);
    await alice.fails(400, 'M_SESSION_EXPIRED', 'POST', `${V2}/validate/email/submitToken`, {
      ...creds,
      token,
    });
  },
  { env: ENV, overrides: { clock: { now: () => time.ms } } },
);

/** Whose an address is, by its hash. */
async function owner(client: TestClient, address: string): Promise<string | undefined> {
  const { lookup_pepper: pepper } = await client.ok('GET', `${V2}/hash_details`);
  const hashed = lookupHash({ medium: 'email', address }, pepper);
  const wish = { algorithm: 'sha256', pepper, addresses: [hashed] };
  return (await client.ok('POST', `${V2}/lookup`, wish)).mappings[hashed];
}

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { authorizationOf } from '../../federation/x-matrix.ts';
import { systemRandomness } from '../../platform/randomness.ts';
import { loadSigningKey } from '../../platform/signing-key-file.ts';
import { serverName } from '../../protocol/identifiers.ts';
import { lookupHash } from '../../protocol/identity/lookup-hash.ts';
import { SigningKey, VerifyKey, verifyJson } from '../../protocol/signing.ts';
import { atIdentityServer } from '../../testing/identity-client.ts';
import { MailSink } from '../../testing/mail-sink.ts';
import { TestClient } from '../../testing/test-client.ts';
import { onServers } from '../../testing/test-server.ts';
import { TextGateway } from '../../testing/text-gateway.ts';

const V2 = '/_matrix/identity/v2';
const V1 = '/_matrix/identity/api/v1';
const PUBLIC = 'https://localhost';

const sink = await MailSink.start();
const gateway = await TextGateway.start();
test.after(async () => {
  await sink.close();
  gateway.close();
});

const env = {
  MYELIN_ROLES: 'client,federation,identity',
  MYELIN_MAIL_SMTP_URL: sink.url,
  MYELIN_THREEPIDS_SMS_URL: gateway.url,
  MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
};

/** Proves an address at the identity server by what was sent there. */
async function prove(
  client: TestClient,
  email: string,
  version = V2,
): Promise<{ sid: string; client_secret: string }> {
  const before = sink.count(email);
  const ask = { client_secret: 'secret', email, send_attempt: before + 1 };
  const { sid } = await client.ok('POST', `${version}/validate/email/requestToken`, ask);
  const token = sink.link(email, before + 1).searchParams.get('token');
  const creds = { sid: String(sid), client_secret: 'secret' };
  await client.ok('POST', `${version}/validate/email/submitToken`, { ...creds, token });
  return creds;
}

onServers(
  'the identity service tells its versions, and knows who comes with an OpenID token until they log out [B126]',
  async (s) => {
    const alice = await s.person('alice');
    const nobody = s.anonymous();
    const { versions } = await nobody.ok('GET', '/_matrix/identity/versions');
    assert.ok(versions.includes('v1.1') && versions.includes('v1.18'));
    assert.deepEqual(await nobody.ok('GET', V2), {});
    const known = await atIdentityServer(alice);
    assert.deepEqual(await known.ok('GET', `${V2}/account`), { user_id: alice.userId });

    const forged = { token_type: 'Bearer', expires_in: 3600, matrix_server_name: 'localhost' };
    const register = { ...forged, access_token: 'forged' };
    await nobody.fails(401, 'M_UNAUTHORIZED', 'POST', `${V2}/account/register`, register);
    await nobody.fails(400, 'M_INVALID_PARAM', 'POST', `${V2}/account/register`, {
      ...register,
      matrix_server_name: 'no server',
    });
    const inside = { ...register, matrix_server_name: '10.0.0.1' };
    await nobody.fails(502, 'M_UNKNOWN', 'POST', `${V2}/account/register`, inside);
    await nobody.fails(401, 'M_UNAUTHORIZED', 'GET', `${V2}/account`);
    await known.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    await alice.fails(401, 'M_UNAUTHORIZED', 'GET', `${V2}/account`);
    const inQuery = `${V2}/account?access_token=${known.token}`;
    await nobody.fails(401, 'M_UNAUTHORIZED', 'GET', inQuery);

    await s.restart();
    const later = s.anonymous();
    later.token = known.token;
    await later.ok('GET', `${V2}/account`);
    assert.deepEqual(await later.ok('POST', `${V2}/account/logout`), {});
    await later.fails(401, 'M_UNAUTHORIZED', 'GET', `${V2}/account`);
  },
  { env },
);

onServers(
  'nothing is done for who has not agreed to the terms, in any language [B127]',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const { policies } = await s.anonymous().ok('GET', `${V2}/terms`);
    assert.deepEqual(policies, {
      privacy: {
        version: '2',
        en: { name: 'Privacy', url: 'https://example.org/en' },
        de: { name: 'Datenschutz', url: 'https://example.org/de' },
      },
      rules: { version: '1', en: { name: 'Rules', url: 'https://example.org/rules' } },
    });
    for (const path of ['/account', '/hash_details', '/3pid/getValidated3pid?sid=a&client_secret=b']) {
      await alice.fails(403, 'M_TERMS_NOT_SIGNED', 'GET', V2 + path);
    }
    await alice.ok('POST', `${V2}/terms`, { user_accepts: ['https://example.org/de', 'https://other.org'] });
    await alice.fails(403, 'M_TERMS_NOT_SIGNED', 'GET', `${V2}/account`);
    await alice.ok('POST', `${V2}/terms`, { user_accepts: ['https://example.org/rules'] });
    await alice.ok('GET', `${V2}/account`);
    await s.anonymous().fails(401, 'M_UNAUTHORIZED', 'POST', `${V2}/terms`, { user_accepts: [] });
    const again = await atIdentityServer(Object.assign(s.anonymous(), await relogin(s.anonymous(), 'alice')));
    await again.ok('GET', `${V2}/hash_details`);
    const hasty = await atIdentityServer(await s.person('hasty'));
    await hasty.ok('POST', `${V2}/account/logout`);
  },
  {
    env: {
      ...env,
      MYELIN_IDENTITY_POLICIES:
        'privacy|2|en|Privacy|https://example.org/en,privacy|2|de|Datenschutz|https://example.org/de,rules|1|en|Rules|https://example.org/rules',
    },
  },
);

async function relogin(client: TestClient, name: string): Promise<{ token: string; userId: string }> {
  const identifier = { type: 'm.id.user', user: name };
  const wish = { type: 'm.login.password', identifier, password: `${name} password` };
  const { access_token: token, user_id: userId } = await client.ok('POST', '/v3/login', wish);
  return { token, userId };
}

const time = { ms: Date.now() };

onServers(
  'people are found by the hash of their address, with a pepper that is replaced [B128]',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const to = `found-${s.place.engine}@example.org`;
    await alice.ok('POST', `${V2}/3pid/bind`, { ...(await prove(alice, to)), mxid: alice.userId });
    const details = await alice.ok('GET', `${V2}/hash_details`);
    assert.deepEqual(details.algorithms, ['sha256', 'none']);
    const pepper = details.lookup_pepper;
    const hashed = lookupHash({ medium: 'email', address: to }, pepper);
    const many = Array.from({ length: 200 }, (_, i) => `${i}`.padStart(43, 'x'));
    const wish = { algorithm: 'sha256', pepper, addresses: [...many, hashed, ''] };
    const found = await alice.ok('POST', `${V2}/lookup`, wish);
    assert.deepEqual(found, { mappings: { [hashed]: alice.userId } });
    const plain = {
      algorithm: 'none',
      pepper,
      addresses: [`${to} email`, 'no@example.org email', 'bad', to],
    };
    assert.deepEqual(await alice.ok('POST', `${V2}/lookup`, plain), {
      mappings: { [`${to} email`]: alice.userId },
    });
    await alice.fails(400, 'M_INVALID_PARAM', 'POST', `${V2}/lookup`, { ...wish, algorithm: 'md5' });
    await alice.fails(400, 'M_INVALID_PEPPER', 'POST', `${V2}/lookup`, { ...wish, pepper: 'salt' });
    await s.anonymous().fails(401, 'M_UNAUTHORIZED', 'POST', `${V2}/lookup`, wish);

    for (let round = 0; round < 3; round++) {
      const before = (await alice.ok('GET', `${V2}/hash_details`)).lookup_pepper;
      time.ms += 86_400_001;
      const late = `late-${round}-${s.place.engine}@example.org`;
      const proof = await prove(alice, late);
      const renewed = (async () => {
        for (;;) {
          const { lookup_pepper: now } = await alice.ok('GET', `${V2}/hash_details`);
          if (now !== before) return String(now);
        }
      })();
      await alice.ok('POST', `${V2}/3pid/bind`, { ...proof, mxid: alice.userId });
      const next = await renewed;
      const addresses = [to, late].map((address) => lookupHash({ medium: 'email', address }, next));
      const now = await alice.ok('POST', `${V2}/lookup`, { algorithm: 'sha256', pepper: next, addresses });
      assert.deepEqual(Object.keys(now.mappings).sort(), [...addresses].sort());
      await alice.fails(400, 'M_INVALID_PEPPER', 'POST', `${V2}/lookup`, { ...wish, pepper: before });
    }
  },
  {
    env: { ...env, MYELIN_IDENTITY_PLAIN_LOOKUP: 'true' },
    overrides: { clock: { now: () => time.ms } },
  },
);

onServers(
  'addresses can be looked up as they are only where that is configured',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const { lookup_pepper: pepper, algorithms } = await alice.ok('GET', `${V2}/hash_details`);
    assert.deepEqual(algorithms, ['sha256']);
    const wish = { algorithm: 'none', pepper, addresses: [] };
    await alice.fails(400, 'M_INVALID_PARAM', 'POST', `${V2}/lookup`, wish);
  },
  { env },
);

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
    gateway.status = 200;
    await s.anonymous().fails(401, 'M_UNAUTHORIZED', 'POST', path, ask);
  },
  { env },
);

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

    time130.ms += 86_400_001;
    await alice.fails(400, 'M_SESSION_EXPIRED', 'GET', validated);
    await alice.fails(400, 'M_SESSION_EXPIRED', 'POST', `${V2}/3pid/bind`, binding);
    await alice.fails(400, 'M_SESSION_EXPIRED', 'POST', `${V2}/validate/email/submitToken`, {
      ...creds,
      token,
    });
  },
  { env, overrides: { clock: { now: () => time130.ms } } },
);

const time130 = { ms: Date.now() };

/** Where who was invited has it signed that they are that one, by the mail they got first. */
function signUrlIn(to: string): URL {
  return new URL(new URLSearchParams(sink.link(to).hash.split('?')[1]).get('signurl') ?? '');
}

/** What that mail holds, and nobody else has. */
function secretIn(to: string): Record<string, string> {
  return Object.fromEntries(signUrlIn(to).searchParams);
}

/** Whose an address is, by its hash. */
async function owner(client: TestClient, address: string): Promise<string | undefined> {
  const { lookup_pepper: pepper } = await client.ok('GET', `${V2}/hash_details`);
  const hashed = lookupHash({ medium: 'email', address }, pepper);
  const wish = { algorithm: 'sha256', pepper, addresses: [hashed] };
  return (await client.ok('POST', `${V2}/lookup`, wish)).mappings[hashed];
}

onServers(
  'an invitation waits with a key of its own, and who has that key has it signed [B131] [B132]',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const bob = await atIdentityServer(await s.person('bob'));
    const to = `guest-${s.place.engine}@example.org`;
    const wish = {
      ...{ medium: 'email', address: to.toUpperCase(), room_id: '!room:localhost', sender: alice.userId },
      ...{ room_name: 'The "Den"\nof lions', sender_display_name: 'Alice A.', room_type: 'm.space' },
      room_avatar_url: 'mxc://localhost/picture',
    };
    const path = `${V2}/store-invite`;
    await alice.fails(400, 'M_UNRECOGNIZED', 'POST', path, {
      ...wish,
      medium: 'msisdn',
      address: '447911123456',
    });
    await alice.fails(400, 'M_INVALID_EMAIL', 'POST', path, { ...wish, address: 'nobody' });
    await bob.fails(403, 'M_FORBIDDEN', 'POST', path, wish);
    const stored = await alice.ok('POST', path, wish);
    assert.match(stored.token, /^[0-9a-zA-Z.=_-]{1,255}$/);
    assert.equal(stored.display_name, 'g...@e...');
    const [longTerm, ephemeral] = stored.public_keys;
    const mail = await sink.arrived(to);
    for (const part of ['Alice A.', 'The "Den" of lions', 'space', 'mxc://localhost/picture', alice.userId]) {
      assert.ok(mail.includes(part), part);
    }

    assert.equal(signUrlIn(to).origin, PUBLIC);
    const secret = secretIn(to);
    assert.equal(secret.token, stored.token);
    const sign = { mxid: bob.userId, ...secret };
    const signed = await bob.ok('POST', `${V2}/sign-ed25519`, sign);
    const { signatures, ...said } = signed;
    assert.deepEqual(said, { mxid: bob.userId, sender: alice.userId, token: stored.token });
    const [keyId = ''] = Object.keys(signatures.localhost);
    assert.ok(verifyJson(signed, 'localhost', keyId, VerifyKey.of(ephemeral.public_key)));
    await bob.fails(404, 'M_UNRECOGNIZED', 'POST', `${V2}/sign-ed25519`, { ...sign, token: 'other' });
    const wrongKey = SigningKey.fromSeed('ed25519:0', Buffer.alloc(32, 1)).exportSeed();
    for (const private_key of [wrongKey, 'short']) {
      await bob.fails(400, 'M_INVALID_PARAM', 'POST', `${V2}/sign-ed25519`, { ...sign, private_key });
    }

    const isValid = async (
      key: { public_key: string; key_validity_url: string },
      public_key = key.public_key,
    ) => {
      const url = new URL(key.key_validity_url);
      assert.equal(url.origin, PUBLIC);
      return (await bob.ok('GET', `${url.pathname}?${new URLSearchParams({ public_key }).toString()}`)).valid;
    };
    assert.equal(await isValid(longTerm), true);
    assert.equal(await isValid(ephemeral), true);
    assert.equal(await isValid(ephemeral, longTerm.public_key), false);
    assert.equal(await isValid(longTerm, ephemeral.public_key), false);
    const key = loadSigningKey(join(s.place.dataDir, 'signing.key'), systemRandomness);
    const own = await s.anonymous().ok('GET', `${V2}/pubkey/${encodeURIComponent(key.keyId)}`);
    assert.deepEqual(own, { public_key: longTerm.public_key });
    await s.anonymous().fails(404, 'M_NOT_FOUND', 'GET', `${V2}/pubkey/ed25519:none`);

    await bob.ok('POST', `${V2}/3pid/bind`, { ...(await prove(bob, to)), mxid: bob.userId });
    const inUse = await alice.fails(400, 'M_THREEPID_IN_USE', 'POST', path, wish);
    assert.equal(inUse.mxid, bob.userId);
    assert.equal(await isValid(ephemeral), true, 'whoever was invited may still come in');
  },
  { env },
);

onServers(
  'the identity service of 2015 maps, validates, binds and signs without tokens [A116] [A117 partial] [A118 partial] [A119]',
  async (s) => {
    const bob = await s.person('bob');
    const nobody = s.anonymous();
    const to = `old-${s.place.engine}@example.org`;
    assert.deepEqual(await nobody.ok('GET', V1), {});
    const wish = { medium: 'email', address: to, room_id: '!room:localhost', sender: '@alice:localhost' };
    const stored = await nobody.ok('POST', `${V1}/store-invite`, wish);
    assert.equal(stored.public_key, stored.public_keys[0].public_key);
    const query = new URLSearchParams({ public_key: stored.public_key }).toString();
    assert.equal((await nobody.ok('GET', `${V1}/pubkey/isvalid?${query}`)).valid, true);
    const link = signUrlIn(to);
    const signed = await nobody.ok('POST', link.pathname + link.search, { mxid: bob.userId });
    const signer = VerifyKey.of(stored.public_keys[1].public_key);
    assert.ok(verifyJson(signed, 'localhost', 'ed25519:0', signer));

    const lookup = `${V1}/lookup?${new URLSearchParams({ medium: 'email', address: to }).toString()}`;
    assert.deepEqual(await nobody.ok('GET', lookup), {});
    const creds = await prove(nobody, to, V1);
    const validated = `${V1}/3pid/getValidated3pid?${new URLSearchParams(creds).toString()}`;
    assert.equal((await nobody.ok('GET', validated)).address, to);
    const bound = await nobody.ok('POST', `${V1}/3pid/bind`, { ...creds, mxid: bob.userId });
    assert.deepEqual(await nobody.ok('GET', lookup), bound);
    const [keyId = ''] = Object.keys(bound.signatures.localhost);
    const { public_key: key } = await nobody.ok('GET', `${V1}/pubkey/${encodeURIComponent(keyId)}`);
    assert.ok(verifyJson(bound, 'localhost', keyId, VerifyKey.of(key)));
    const phone = { client_secret: 'secret', country: 'GB', phone_number: '07911 123459', send_attempt: '1' };
    const form = await fetch(`${nobody.base}${V1}/validate/msisdn/requestToken`, {
      method: 'POST',
      body: new URLSearchParams(phone),
    });
    const { sid } = (await form.json()) as { sid: string };
    const code = { sid, client_secret: 'secret', token: gateway.code };
    assert.deepEqual(await nobody.ok('POST', `${V1}/validate/msisdn/submitToken`, code), { success: true });
  },
  { env },
);

onServers(
  'what is asked of the identity service is limited by address, and what is sent by who gets it',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    await alice.ok('GET', `${V2}/account`);
    await alice.ok('GET', `${V2}/account`);
    const limited = await alice.fails(429, 'M_LIMIT_EXCEEDED', 'GET', `${V2}/account`);
    assert.ok(limited.retry_after_ms > 0);
    const nobody = s.anonymous();
    await nobody.fails(429, 'M_LIMIT_EXCEEDED', 'GET', `${V2}/terms`);
    const to = `much-${s.place.engine}@example.org`;
    const ask = (i: number) => ({ client_secret: `secret${i}`, email: to, send_attempt: 1 });
    for (let i = 0; i < 5; i++) await alice.ok('POST', `${V2}/validate/email/requestToken`, ask(i));
    await alice.fails(429, 'M_LIMIT_EXCEEDED', 'POST', `${V2}/validate/email/requestToken`, ask(5));
    assert.equal(sink.count(to), 5);
  },
  {
    env: {
      ...env,
      MYELIN_LIMITS_ENABLED: 'true',
      MYELIN_LIMITS_IDENTITY_PER_SECOND: '0.01',
      MYELIN_LIMITS_IDENTITY_BURST: '2',
    },
  },
);

onServers(
  'a user looks up so many addresses and no more, in however few requests',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const { lookup_pepper: pepper } = await alice.ok('GET', `${V2}/hash_details`);
    const wish = {
      algorithm: 'sha256',
      pepper,
      addresses: Array.from({ length: 150 }, (_, i) => `hash${i}`),
    };
    await alice.ok('POST', `${V2}/lookup`, wish);
    const limited = await alice.fails(429, 'M_LIMIT_EXCEEDED', 'POST', `${V2}/lookup`, wish);
    assert.ok(limited.retry_after_ms > 40_000);
    const bob = await atIdentityServer(await s.person('bob'));
    await bob.ok('POST', `${V2}/lookup`, wish);
  },
  {
    env: {
      ...env,
      MYELIN_LIMITS_ENABLED: 'true',
      MYELIN_LIMITS_LOOKUP_PER_SECOND: '1',
      MYELIN_LIMITS_LOOKUP_BURST: '100',
    },
  },
);

const shared = { ms: Date.now() };

onServers(
  'processes on one database replace the pepper together, and know each other’s people and invitations',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const there = Object.assign(new TestClient((await s.another()).url), { token: alice.token });
    const addresses: string[] = [];
    const bindOne = async (client: TestClient) => {
      const address = `many-${addresses.length}-${s.place.engine}@example.org`;
      addresses.push(address);
      await client.ok('POST', `${V2}/3pid/bind`, { ...(await prove(client, address)), mxid: alice.userId });
    };
    for (let i = 0; i < 6; i++) await bindOne(i % 2 === 0 ? alice : there);
    const old = (await alice.ok('GET', `${V2}/hash_details`)).lookup_pepper;
    shared.ms += 86_400_001;
    const renewed = async (client: TestClient) => {
      for (;;) {
        const { lookup_pepper: pepper } = await client.ok('GET', `${V2}/hash_details`);
        if (pepper !== old) return String(pepper);
      }
    };
    const both = Promise.all([renewed(alice), renewed(there)]);
    await Promise.all([bindOne(alice), bindOne(there)]);
    const [pepper, same] = await both;
    assert.equal(pepper, same);
    for (const client of [alice, there]) {
      const hashes = addresses.map((address) => lookupHash({ medium: 'email', address }, pepper));
      const wish = { algorithm: 'sha256', pepper, addresses: hashes };
      const { mappings } = await client.ok('POST', `${V2}/lookup`, wish);
      assert.deepEqual(Object.keys(mappings).sort(), [...hashes].sort());
    }

    const bob = await s.person('bob');
    const to = `invited-${s.place.engine}@example.org`;
    const room = '!nowhere:localhost';
    const invite = { medium: 'email', address: to, room_id: room, sender: alice.userId };
    const { token } = await there.ok('POST', `${V2}/store-invite`, invite);
    const guest = await atIdentityServer(bob);
    const signed = await guest.ok('POST', `${V2}/sign-ed25519`, { mxid: bob.userId, ...secretIn(to) });
    assert.equal(signed.token, token);
  },
  { env, overrides: { clock: { now: () => shared.ms } } },
);

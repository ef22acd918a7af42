import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { join } from 'node:path';
import { systemRandomness } from '../../platform/randomness.ts';
import { loadSigningKey } from '../../platform/signing-key-file.ts';
import { SigningKey, VerifyKey, verifyJson } from '../../protocol/signing.ts';
import { atIdentityServer } from '../../testing/identity/identity-client.ts';
import {
  ENV,
  gateway,
  prove,
  secretIn,
  signUrlIn,
  sink,
  V1,
  V2,
} from '../../testing/identity/identity-scene.ts';
import { onServers } from '../../testing/server/test-server.ts';

const PUBLIC = 'https://localhost';

describe('2015: identity servers', () => {
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
      for (const part of [
        'Alice A.',
        'The "Den" of lions',
        'space',
        'mxc://localhost/picture',
        alice.userId,
      ]) {
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
        return (await bob.ok('GET', `${url.pathname}?${new URLSearchParams({ public_key }).toString()}`))
          .valid;
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
    { env: ENV },
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
      link.searchParams.set('mxid', bob.userId);
      const signed = await nobody.ok('POST', link.pathname + link.search);
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
      const phone = {
        client_secret: 'secret',
        country: 'GB',
        phone_number: '07911 123459',
        send_attempt: '1',
      };
      const form = await fetch(`${nobody.base}${V1}/validate/msisdn/requestToken`, {
        method: 'POST',
        body: new URLSearchParams(phone),
      });
      const { sid } = (await form.json()) as { sid: string };
      const code = { sid, client_secret: 'secret', token: gateway.code };
      assert.deepEqual(await nobody.ok('POST', `${V1}/validate/msisdn/submitToken`, code), { success: true });
    },
    { env: ENV },
  );
});

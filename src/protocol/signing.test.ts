import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { base64, decodeBase64 } from './base64.ts';
import { canonicalJson } from './canonical-json.ts';
import { contentHash } from './events/content-hash.ts';
import { eventIdOf } from './events/event-id.ts';
import type { Pdu } from './events/event.ts';
import { redact } from './events/redaction.ts';
import { serverName } from './identifiers.ts';
import type { JsonObject } from './json.ts';
import { ROOM_VERSIONS, roomVersion } from './room-versions.ts';
import {
  contentHashMatches,
  countersignPdu,
  finishPdu,
  signatureOf,
  signJson,
  signPdu,
  SigningKey,
  VerifyKey,
  verifyJson,
  verifyPduSignature,
} from './signing.ts';

const SEED = 'YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1';
const KEY_ID = 'ed25519:1';
const KEY = SigningKey.fromExportedSeed(KEY_ID, SEED);
const VERIFY = VerifyKey.of(KEY.publicKey);
const SERVER = serverName('domain');
const OTHER = SigningKey.fromSeed('ed25519:other', Buffer.alloc(32, 7));
const VERSIONS = [...ROOM_VERSIONS.values()];

test('signs the JSON of the appendices, byte for byte [B136] [B115] [A102]', () => {
  const empty = 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ';
  const data = 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw';
  const signed = (object: JsonObject) => canonicalJson(signJson(object, SERVER, KEY), { strict: true });
  assert.equal(signed({}), `{"signatures":{"domain":{"${KEY_ID}":"${empty}"}}}`);
  assert.equal(
    signed({ two: 'Two', one: 1 }),
    `{"one":1,"signatures":{"domain":{"${KEY_ID}":"${data}"}},"two":"Two"}`,
  );
});

test('hashes and signs the minimal event of the appendices, byte for byte [B115] [A102] [B136 partial]', () => {
  const event: Pdu = {
    room_id: '!x:domain',
    sender: '@a:domain',
    origin: 'domain',
    origin_server_ts: 1000000,
    signatures: {},
    hashes: {},
    type: 'X',
    content: {},
    prev_events: [],
    auth_events: [],
    depth: 3,
    unsigned: { age_ts: 1000000 },
  };
  const signature = 'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg';
  const expected =
    '{"auth_events":[],"content":{},"depth":3,"hashes":{"sha256":"5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos"},' +
    '"origin":"domain","origin_server_ts":1000000,"prev_events":[],"room_id":"!x:domain","sender":"@a:domain",' +
    `"signatures":{"domain":{"${KEY_ID}":"${signature}"}},"type":"X","unsigned":{"age_ts":1000000}}`;
  const finished = finishPdu(event, roomVersion('3'), SERVER, KEY);
  assert.equal(finished.json, expected);
  assert.equal(canonicalJson(finished.pdu, { strict: true }), expected);
});

test('hashes and signs the redactable event of the appendices, byte for byte [B115] [A102]', () => {
  const event = {
    content: { body: 'Here is the message content' },
    event_id: '$0:domain',
    origin: 'domain',
    origin_server_ts: 1000000,
    type: 'm.room.message',
    room_id: '!r:domain',
    sender: '@u:domain',
    signatures: {},
    unsigned: { age_ts: 1000000 },
  } as JsonObject as Pdu;
  const signature = 'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA';
  const finished = finishPdu(event, roomVersion('1'), SERVER, KEY);
  assert.equal(
    finished.json,
    '{"content":{"body":"Here is the message content"},"event_id":"$0:domain",' +
      '"hashes":{"sha256":"onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g"},"origin":"domain",' +
      '"origin_server_ts":1000000,"room_id":"!r:domain","sender":"@u:domain",' +
      `"signatures":{"domain":{"${KEY_ID}":"${signature}"}},"type":"m.room.message","unsigned":{"age_ts":1000000}}`,
  );
  assert.equal(finished.eventId, '$0:domain');
});

test('keys: export and import, and refusal of malformed ones [B136 partial]', () => {
  const exported = OTHER.exportSeed();
  assert.equal(exported, base64(Buffer.alloc(32, 7)));
  assert.equal(SigningKey.fromExportedSeed(OTHER.keyId, exported).publicKey, OTHER.publicKey);
  assert.notEqual(OTHER.publicKey, KEY.publicKey);
  assert.equal(decodeBase64(KEY.publicKey)?.length, 32);
  assert.equal(VerifyKey.of(KEY.publicKey), VERIFY);
  const invalid = { status: 400, errcode: 'M_INVALID_PARAM' };
  assert.throws(() => SigningKey.fromSeed('rsa:1', Buffer.alloc(32)), invalid);
  assert.throws(() => SigningKey.fromSeed('ed25519:a-b', Buffer.alloc(32)), invalid);
  assert.throws(() => SigningKey.fromSeed(KEY_ID, Buffer.alloc(31)), invalid);
  assert.throws(() => SigningKey.fromExportedSeed(KEY_ID, '*'), invalid);
  for (const key of ['', '*', base64(Buffer.alloc(31))]) assert.throws(() => VerifyKey.of(key), invalid);
});

test('signing keeps other signatures and unsigned, and signs neither [A102]', () => {
  const once = signJson({ a: 1, unsigned: { age: 1 } }, SERVER, KEY);
  const twice = signJson(once, SERVER, OTHER);
  const thrice = signJson({ ...twice, unsigned: { age: 2.5 } }, '@u:domain', OTHER);
  assert.deepEqual(thrice.unsigned, { age: 2.5 });
  assert.ok(verifyJson(thrice, SERVER, KEY_ID, VERIFY));
  assert.ok(verifyJson(thrice, SERVER, OTHER.keyId, VerifyKey.of(OTHER.publicKey)));
  assert.ok(verifyJson(thrice, '@u:domain', OTHER.keyId, VerifyKey.of(OTHER.publicKey)));
  assert.deepEqual(Object.keys(once), ['a', 'unsigned', 'signatures']);
});

test('verification is false for malformed signatures, never an error', async () => {
  const signed = signJson({ a: 1 }, SERVER, KEY);
  const wrong: JsonObject[] = [
    { a: 1 },
    { a: 1, signatures: 'x' },
    { a: 1, signatures: { domain: [] } },
    { a: 1, signatures: { domain: { [KEY_ID]: 5 } } },
    { a: 1, signatures: { domain: { [KEY_ID]: 'AAAA' } } },
    { a: 1, signatures: { domain: { [KEY_ID]: '*' } } },
    { ...signed, a: '\ud800' },
    { ...signed, a: 2 },
  ];
  for (const object of wrong) assert.equal(verifyJson(object, SERVER, KEY_ID, VERIFY), false);
  assert.equal(verifyJson(signed, serverName('other'), KEY_ID, VERIFY), false);
  assert.equal(verifyJson(signed, 'constructor', 'name', VERIFY), false);
  assert.equal(verifyJson(signed, SERVER, KEY_ID, VerifyKey.of(OTHER.publicKey)), false);
  assert.equal(await VERIFY.verifyInBackground('{"a":1}', '*'), false);
  assert.equal(await VERIFY.verifyInBackground('{"a":1}', signatureOf(signed, SERVER, KEY_ID) ?? ''), true);
  assert.equal(await VERIFY.verifyInBackground('{"a":2}', signatureOf(signed, SERVER, KEY_ID) ?? ''), false);
});

test('what is signed verifies, and a flipped bit in text or signature does not', () => {
  const bit = fc.nat();
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), bit, bit, (text, inText, inSignature) => {
      const signature = KEY.sign(text);
      assert.ok(VERIFY.verify(text, signature));
      const bytes = Buffer.from(signature, 'base64');
      flip(bytes, inSignature);
      assert.equal(VERIFY.verify(text, base64(bytes)), false);
      const units = [...text];
      const at = inText % units.length;
      units[at] = units[at] === 'a' ? 'b' : 'a';
      assert.equal(VERIFY.verify(units.join(''), signature), false);
    }),
    { numRuns: 100 },
  );
});

const content = fc.dictionary(
  fc.constantFrom('body', 'membership', 'creator', 'users', 'join_rule', 'redacts', '本', '\u{1f600}'),
  fc.oneof(fc.string({ unit: 'binary' }), fc.maxSafeInteger(), fc.constant({ signed: { token: 't' } })),
  { noNullPrototype: true },
);
const type = fc.constantFrom('m.room.message', 'm.room.member', 'm.room.create', 'm.room.power_levels', 'é');
const event = fc.record({ type, content }).map((fields): Pdu => ({
  ...fields,
  event_id: '$e:domain',
  room_id: '!r:domain',
  sender: '@a:domain',
  origin: 'domain',
  origin_server_ts: 5,
  depth: 1,
  prev_events: [],
  auth_events: [],
  unsigned: { age: 1 },
  redacts: '$x',
}));

test('finishing an event agrees with each step on its own, in every room version: hash, redact, sign [B115] [A102]', () => {
  fc.assert(
    fc.property(event, fc.constantFrom(...VERSIONS), (unfinished, version) => {
      const { pdu, eventId, json } = finishPdu(unfinished, version, SERVER, KEY);
      const options = { strict: version.strictCanonicalJson };
      assert.equal(json, canonicalJson(pdu, options));
      assert.equal(eventId, eventIdOf(pdu, version));
      assert.deepEqual(pdu.hashes, { sha256: base64(contentHash(unfinished, version)) });
      assert.ok(contentHashMatches(pdu, version));
      assert.ok(verifyPduSignature(pdu, version, SERVER, KEY_ID, VERIFY));
      const redacted = redact(pdu, version);
      assert.ok(verifyPduSignature(redacted, version, SERVER, KEY_ID, VERIFY));
      const byHand = signJson({ ...redact({ ...pdu, signatures: {} }, version) }, SERVER, KEY);
      assert.deepEqual(pdu.signatures, byHand.signatures);
    }),
    { numRuns: 200 },
  );
});

test('a changed essential key breaks the signature, a changed other key the content hash only [B115] [A102]', () => {
  for (const version of VERSIONS) {
    const base: Pdu = {
      type: 'm.room.message',
      event_id: '$e:domain',
      room_id: '!r:domain',
      sender: '@a:domain',
      content: { body: 'a' },
      origin_server_ts: 5,
      depth: 1,
    };
    const pdu = signPdu(base, version, SERVER, KEY);
    const verifies = (changed: Pdu) => verifyPduSignature(changed, version, SERVER, KEY_ID, VERIFY);
    assert.equal(verifies({ ...pdu, depth: 2 }), false);
    assert.equal(verifies({ ...pdu, hashes: { sha256: 'x' } }), false);
    assert.equal(verifies({ ...pdu, content: { body: 'b' } }), true);
    assert.equal(contentHashMatches({ ...pdu, content: { body: 'b' } }, version), false);
    assert.equal(contentHashMatches({ ...pdu, hashes: {} }, version), false);
    assert.equal(contentHashMatches({ ...pdu, hashes: { sha256: '*' } }, version), false);
  }
});

test('countersigning adds a signature and leaves hashes and the first signature', () => {
  const version = roomVersion('12');
  const [unfinished] = fc.sample(event, 1);
  assert.ok(unfinished);
  const pdu = signPdu(unfinished, version, SERVER, KEY);
  const both = countersignPdu(pdu, version, serverName('other'), OTHER);
  assert.deepEqual(both.hashes, pdu.hashes);
  assert.equal(eventIdOf(both, version), eventIdOf(pdu, version));
  assert.ok(verifyPduSignature(both, version, SERVER, KEY_ID, VERIFY));
  const otherKey = VerifyKey.of(OTHER.publicKey);
  assert.ok(verifyPduSignature(both, version, serverName('other'), OTHER.keyId, otherKey));
});

function flip(bytes: Buffer, position: number): void {
  const bit = position % (bytes.length * 8);
  bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.ts';
import { contentHash } from './events/content-hash.ts';
import { referenceJson } from './events/reference-hash.ts';
import type { Pdu } from './events/event.ts';
import { parseExactJson } from './exact-json.ts';
import type { JsonObject } from './json.ts';
import { spelledOut } from './number-spelling.ts';
import { roomVersion } from './room-versions.ts';

const strict = (text: string) => canonicalJson(parseExactJson(text), { strict: true });
const loose = (text: string) => canonicalJson(parseExactJson(text), { strict: false });
const badJson = { status: 400, errcode: 'M_BAD_JSON' };
const ODD = ['1.0', '1e3', '1E3', '-0.0', '0.5', '1e-7', '9007199254740993', '-9223372036854775808', '1e400'];

test('before room version 6 numbers keep the form in which they were written', () => {
  for (const literal of ODD) {
    assert.equal(loose(`[ ${literal}, 7 ]`), `[${literal},7]`);
    assert.equal(
      loose(`{"b": ${literal},\n"a":{"x":[1,\t${literal} ]}}`),
      `{"a":{"x":[1,${literal}]},"b":${literal}}`,
    );
  }
  assert.equal(loose('{"a": -0, "b": 10}'), '{"a":0,"b":10}', 'zero has one form');
});

test('from room version 6 on only integers are allowed, and only as integers are written', () => {
  for (const literal of [...ODD, '-0', '9007199254740992', '-9007199254740992']) {
    for (const text of [`[${literal}]`, `{"a": ${literal}}`, `{"a":[1,{"b":\n\t${literal} }]}`]) {
      assert.throws(() => strict(text), badJson, text);
    }
  }
  const text = '{"a":[0,-1,9007199254740991],"b":"x: 1.0, 1e3, -0","c":": -0"}';
  assert.equal(strict(text), text);
});

test('what was read is a number like any other', () => {
  const value = parseExactJson('{"a":1.0,"b":[1e3],"__proto__":2.0}') as JsonObject;
  assert.deepEqual(Object.keys(value), ['a', 'b', '__proto__']);
  assert.deepEqual([value.a, value['__proto__']], [1, 2]);
  assert.equal(JSON.stringify(value), '{"a":1,"b":[1000],"__proto__":2}');
  assert.equal(JSON.stringify(spelledOut(value)), '{"a":1.0,"b":[1e3],"__proto__":2.0}');
  assert.equal(
    canonicalJson(spelledOut(value), { strict: false }),
    loose('{"a":1.0,"b":[1e3],"__proto__":2.0}'),
  );
  assert.throws(() => canonicalJson(spelledOut(value), { strict: true }), badJson);
  const copy = { ...value, a: 2 };
  assert.equal(
    canonicalJson(copy, { strict: false }),
    '{"__proto__":2.0,"a":2,"b":[1e3]}',
    'not of another number',
  );
});

test('hashes and signatures are over what was written, also of what a redaction leaves', () => {
  const text =
    '{"auth_events":[],"content":{"ban":50.0,"users":{"@a:x":1e2},"other":0.50},"depth":9223372036854775807,' +
    '"hashes":{"sha256":"x"},"origin_server_ts":1,"prev_events":[],"room_id":"!r:x","sender":"@a:x","state_key":"",' +
    '"type":"m.room.power_levels","unsigned":{"age":1.5}}';
  const pdu = parseExactJson(text) as Pdu;
  const version = roomVersion('5');
  assert.equal(
    referenceJson({ ...pdu }, version),
    '{"auth_events":[],"content":{"ban":50.0,"users":{"@a:x":1e2}},"depth":9223372036854775807,' +
      '"hashes":{"sha256":"x"},"origin_server_ts":1,"prev_events":[],"room_id":"!r:x","sender":"@a:x","state_key":"",' +
      '"type":"m.room.power_levels"}',
  );
  // SHA-256 of the canonical form, worked out with another program.
  assert.equal(contentHash(pdu, version).toString('base64'), '9uuLCbYgsne99uuxjjq8FonLXhs5l0Yo3Zd2WkPWqds=');
});

test('says M_NOT_JSON for text that is not JSON, and does not exhaust the stack', () => {
  for (const text of ['', '{', '{"a":01}', '[-]', 'undefined', '{"a":1.}']) {
    assert.throws(() => parseExactJson(text), { status: 400, errcode: 'M_NOT_JSON' }, text);
  }
  const deep = `${'['.repeat(100_000)}1.5${']'.repeat(100_000)}`;
  assert.throws(() => parseExactJson(deep), badJson);
});

test('reads every JSON as JSON.parse does', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.deepEqual(JSON.stringify(parseExactJson(text)), JSON.stringify(JSON.parse(text)));
    }),
  );
});

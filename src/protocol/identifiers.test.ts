import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ids from './identifiers.ts';

const long = 'é'.repeat(122);

test('server names: DNS names, IPv4, [IPv6], ports [B134 partial]', () => {
  const valid = [
    'matrix.org',
    'matrix.org:8888',
    '1.2.3.4',
    '1.2.3.4:1234',
    '[1234:5678::abcd]',
    '[1234:5678::abcd]:5678',
    '[::]',
    '[::ffff:1.2.3.4]',
    '[1:2:3:4:5:6:7:8]',
    'localhost',
    'MATRIX.org',
  ];
  for (const name of valid) assert.equal(ids.parseServerName(name), name);
  const invalid = [
    '',
    ':80',
    'a:b',
    'a:',
    'a:123456',
    'a_b',
    'a b',
    'exämple.org',
    '1.2.3.256',
    '::1',
    '[1:2:3]',
    '[1::2::3]',
    '[1:2:3:4:5:6:7:8:9]',
    '[12345::]',
    '[:::]',
    '[1.2.3.4::]',
    '[::1.2.3.400]',
    '[::1',
    'a\n',
    'a'.repeat(256),
  ];
  for (const name of invalid) assert.equal(ids.parseServerName(name), undefined, JSON.stringify(name));
});

test('user IDs: historical localparts are accepted, other forms are not [B134 partial]', () => {
  for (const id of [
    '@alice:example.org',
    '@:x',
    '@A b!\n:x:80',
    '@日本:x',
    '@a:[::1]:8448',
    `@${long}:abcdefg`,
  ]) {
    assert.equal(ids.parseUserId(id), id);
  }
  for (const id of [
    '',
    '@',
    'a:x',
    '@a',
    '@a:',
    '@a:b:c',
    '@a\0:x',
    '@\ud800:x',
    `@${long}:abcdefghijk`,
    '#a:x',
  ]) {
    assert.equal(ids.parseUserId(id), undefined, JSON.stringify(id));
  }
});

test('localparts for new users [B134 partial]', () => {
  for (const name of ['a', 'a0._=-/+']) assert.equal(ids.isLocalpartForNewUsers(name), true, name);
  for (const name of ['', 'A', 'é', 'a b', 'a:b', 'a\n'])
    assert.equal(ids.isLocalpartForNewUsers(name), false, name);
});

test('room IDs with and without a domain [B134 partial]', () => {
  for (const id of ['!a:x', '!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM', '!é ü:x:1']) {
    assert.equal(ids.parseRoomId(id), id);
  }
  for (const id of ['', '!', 'a:x', '!a:', '!a:b c', '!a\0', '!a\0:x', `!${long}${long}`, '!\udc00']) {
    assert.equal(ids.parseRoomId(id), undefined, JSON.stringify(id));
  }
});

test('event IDs of every format [B134 partial]', () => {
  for (const id of ['$a:x', '$CD66HAED5npg6074c6pDtLKalHjVfYb2q4Q3LZgrW6o', '$a/+b']) {
    assert.equal(ids.parseEventId(id), id);
  }
  for (const id of ['', '$', 'a', '$\0', `$${long}${long}`]) assert.equal(ids.parseEventId(id), undefined);
});

test('room aliases and device IDs [B134]', () => {
  assert.equal(ids.parseRoomAlias('#a b:x'), '#a b:x');
  for (const id of ['#a', '#:x', '#a:', 'a:x', '#a\0:x']) assert.equal(ids.parseRoomAlias(id), undefined, id);
  assert.equal(ids.parseDeviceId('ABC def'), 'ABC def');
  for (const id of ['', 'a\0', `${long}${long}`]) assert.equal(ids.parseDeviceId(id), undefined);
});

test('the parts of an identifier', () => {
  assert.equal(ids.serverNameOf(ids.userId('@a:x:80')), 'x:80');
  assert.equal(ids.serverNameOf(ids.roomAlias('#a:[::1]:80')), '[::1]:80');
  assert.equal(ids.serverNameOf(ids.roomId('!a:X')), 'X');
  assert.equal(ids.serverNameOf(ids.roomId('!abc')), undefined);
  assert.equal(ids.localpartOf(ids.userId('@a.b:x:80')), 'a.b');
});

test('the asserting forms throw 400 M_INVALID_PARAM that shows the value', () => {
  const forms = [ids.userId, ids.roomId, ids.eventId, ids.roomAlias, ids.serverName];
  for (const form of forms) {
    assert.throws(() => form('no such\0'), { status: 400, errcode: 'M_INVALID_PARAM', message: /no such/ });
  }
  assert.throws(() => ids.deviceId(''), { status: 400, errcode: 'M_INVALID_PARAM' });
  assert.equal(ids.eventId('$x'), '$x');
  assert.equal(ids.serverName('x'), 'x');
});

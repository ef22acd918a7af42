import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertDistinct, isExclusive, isInNamespace, parseRegistration } from './registration.ts';

const REGISTRATION = {
  id: 'irc',
  url: 'https://irc.example.org/bridge/',
  as_token: 'a',
  hs_token: 'h',
  sender_localpart: 'ircbot',
  namespaces: { users: [{ exclusive: true, regex: '@_irc_.*' }], rooms: [{ regex: '!tea:.*' }] },
};

void test('a registration is read with what it leaves out [B116]', () => {
  const service = parseRegistration(REGISTRATION);
  assert.equal(service.url, 'https://irc.example.org/bridge');
  assert.deepEqual([service.rateLimited, service.receiveEphemeral, service.protocols], [true, false, []]);
  assert.ok(isExclusive(service, 'users', '@_irc_carl:localhost'));
  assert.ok(!isInNamespace(service, 'users', 'x@_irc_carl:localhost'));
  assert.ok(isInNamespace(service, 'rooms', '!tea:localhost'));
  assert.ok(!isExclusive(service, 'rooms', '!tea:localhost'));
  assert.equal(parseRegistration({ ...REGISTRATION, url: null }).url, undefined);
});

void test('a registration of 2015, which has no ID, has the name of its user for one [B116] [A087]', () => {
  const { id, ...old } = REGISTRATION;
  assert.equal(parseRegistration(old).id, 'ircbot');
  assert.equal(parseRegistration({ ...old, id }).id, 'irc');
  assert.throws(() => parseRegistration({ ...old, id: '' }), /"id"/);
});

void test('the regular expressions of namespaces are those of POSIX [B116]', () => {
  const users = [{ exclusive: true, regex: '@_irc_[[:alnum:]]+:localhost' }];
  const service = parseRegistration({ ...REGISTRATION, namespaces: { users } });
  assert.ok(isExclusive(service, 'users', '@_irc_carl7:localhost'));
  assert.ok(!isInNamespace(service, 'users', '@_irc_:localhost'));
  assert.ok(!isInNamespace(service, 'users', '@_irc_a_b:localhost'));
});

void test('a registration that is not right is refused with the reason [B116]', () => {
  const wrong: [object, RegExp][] = [
    [{ ...REGISTRATION, id: 7 }, /"id"/],
    [{ ...REGISTRATION, url: 'ftp://irc' }, /"url"/],
    [{ ...REGISTRATION, rate_limited: 'no' }, /"rate_limited"/],
    [{ ...REGISTRATION, protocols: 'irc' }, /"protocols"/],
    [{ ...REGISTRATION, namespaces: { users: [{ regex: '(' }] } }, /not a regular expression/],
    [{ ...REGISTRATION, namespaces: { users: [{ regex: '[[:word:]]' }] } }, /no class \[:word:\]/],
    [{ ...REGISTRATION, namespaces: { users: {} } }, /"namespaces.users"/],
  ];
  for (const [value, message] of wrong) assert.throws(() => parseRegistration(value as never), message);
});

void test('two services with one token or one ID are refused [B116] [A087]', () => {
  const one = parseRegistration(REGISTRATION);
  const other = parseRegistration({ ...REGISTRATION, id: 'other', as_token: 'b', sender_localpart: 'other' });
  assertDistinct([one, other]);
  assert.throws(() => assertDistinct([one, { ...other, asToken: 'a' }]), /"as_token"/);
  assert.throws(() => assertDistinct([one, { ...other, id: 'irc' }]), /"id"/);
});

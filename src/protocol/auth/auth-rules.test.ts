import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '../json.ts';
import { ROOM_VERSIONS } from '../room-versions.ts';
import { signJson, SigningKey } from '../signing.ts';
import { AuthRoom, userOf } from './auth-room.ts';
import { PowerLevels } from './power-levels.ts';

const ALL = [...ROOM_VERSIONS.keys()];
const from = (first: number) => ALL.filter((id) => Number(id) >= first);
const until = (last: number) => ALL.filter((id) => Number(id) <= last);

function each(title: string, versions: readonly string[], run: (version: string) => void): void {
  test(`${title} (versions ${versions[0] ?? ''} to ${versions.at(-1) ?? ''})`, () => {
    for (const version of versions) run(version);
  });
}

each('a room begins with its create event, once', ALL, (version) => {
  const room = new AuthRoom(version);
  assert.equal(room.allows('alice', 'm.room.create', '', { creator: userOf('alice') }), false);
});

test('a create event is refused for an unknown version or, before 11, without its creator', () => {
  for (const version of ALL) {
    assert.throws(() => new AuthRoom(version, 'public', { room_version: 'unknown' }));
    const needsCreator = Number(version) < 11;
    const without = () => new AuthRoom(version, 'public', { creator: undefined });
    if (needsCreator) assert.throws(without);
    else assert.doesNotThrow(without);
  }
});

each('additional creators must be user IDs', from(12), (version) => {
  assert.throws(() => new AuthRoom(version, 'public', { additional_creators: ['bob'] }));
  assert.throws(() => new AuthRoom(version, 'public', { additional_creators: 'bob' }));
  assert.doesNotThrow(() => new AuthRoom(version, 'public', { additional_creators: [userOf('bob')] }));
});

each('a room that does not federate lets in its own server only', ALL, (version) => {
  const room = new AuthRoom(version, 'public', { 'm.federate': false });
  assert.equal(room.member('bob', 'join'), true);
  assert.equal(room.member('eve:evil.example', 'join'), false);
});

each('who is outside can send nothing', ALL, (version) => {
  const room = new AuthRoom(version, 'invite');
  assert.equal(room.allows('bob', 'm.room.message', undefined), false);
  assert.equal(room.allows('bob', 'm.room.name', ''), false);
  assert.equal(room.member('bob', 'join'), false);
  assert.equal(room.member('bob', 'invite', 'carol'), false);
  assert.equal(room.member('bob', 'ban', 'alice'), false);
  assert.equal(room.member('bob', 'leave', 'alice'), false);
});

each('nobody joins, knocks or leaves for another', ALL, (version) => {
  const room = new AuthRoom(version);
  assert.equal(room.member('alice', 'join', 'bob'), false);
  assert.equal(room.member('alice', 'knock', 'bob'), false);
  assert.equal(room.member('bob', 'leave'), false);
});

each('invited people may join or decline, banned ones may do neither', ALL, (version) => {
  const room = new AuthRoom(version, 'invite');
  assert.equal(room.member('alice', 'invite', 'bob'), true);
  assert.equal(room.member('bob', 'join'), true);
  assert.equal(room.member('alice', 'invite', 'bob'), false);
  assert.equal(room.member('alice', 'ban', 'bob'), true);
  assert.equal(room.member('bob', 'join'), false);
  assert.equal(room.member('alice', 'invite', 'bob'), false);
  assert.equal(room.member('bob', 'leave'), false);
  assert.equal(room.member('alice', 'leave', 'bob'), true);
  assert.equal(room.member('alice', 'invite', 'bob'), true);
  assert.equal(room.member('bob', 'leave'), true);
});

each('removing and banning take the level, and more than the target has', ALL, (version) => {
  const room = new AuthRoom(version);
  for (const name of ['bob', 'carol', 'dave'])
    room.must(name, 'm.room.member', userOf(name), { membership: 'join' });
  room.levels({ bob: 50, carol: 50, dave: 10 });
  assert.equal(room.member('dave', 'leave', 'bob'), false);
  assert.equal(room.member('bob', 'leave', 'carol'), false);
  assert.equal(room.member('bob', 'ban', 'alice'), false);
  assert.equal(room.member('bob', 'ban', 'dave'), true);
  assert.equal(room.member('bob', 'leave', 'dave'), true);
  room.levels({ bob: 50, carol: 50 }, { ban: 60 });
  assert.equal(room.member('alice', 'ban', 'dave'), true);
  assert.equal(room.member('bob', 'leave', 'dave'), false);
});

each('the level for inviting is kept', ALL, (version) => {
  const room = new AuthRoom(version);
  room.must('bob', 'm.room.member', userOf('bob'), { membership: 'join' });
  room.levels({ bob: 10 }, { invite: 20 });
  assert.equal(room.member('bob', 'invite', 'carol'), false);
  room.levels({ bob: 20 }, { invite: 20 });
  assert.equal(room.member('bob', 'invite', 'carol'), true);
});

each('there is no knocking yet', until(6), (version) => {
  assert.equal(new AuthRoom(version, 'knock').member('bob', 'knock'), false);
});

each('people knock where they may and are outside', from(7), (version) => {
  const room = new AuthRoom(version, 'knock');
  assert.equal(room.member('bob', 'join'), false);
  assert.equal(room.member('bob', 'knock'), true);
  assert.equal(room.member('bob', 'knock'), true);
  assert.equal(room.member('bob', 'leave'), true);
  assert.equal(room.member('bob', 'knock'), true);
  assert.equal(room.member('alice', 'invite', 'bob'), true);
  assert.equal(room.member('bob', 'knock'), false);
  assert.equal(new AuthRoom(version, 'public').member('bob', 'knock'), false);
});

each('restricted joins take somebody who may invite', from(8), (version) => {
  const room = new AuthRoom(version, 'restricted');
  room.levels({}, { invite: 50 });
  const via = (name: string) => ({ join_authorised_via_users_server: userOf(name) });
  assert.equal(room.member('bob', 'join'), false);
  assert.equal(room.member('bob', 'join', 'bob', via('carol')), false);
  assert.equal(room.member('bob', 'join', 'bob', via('alice')), true);
  assert.equal(room.member('carol', 'join', 'carol', via('bob')), false);
});

each('restricted means nothing yet', until(7), (version) => {
  const via = { join_authorised_via_users_server: userOf('alice') };
  assert.equal(new AuthRoom(version, 'restricted').member('bob', 'join', 'bob', via), false);
});

test('knock_restricted is both, from version 10 on', () => {
  for (const version of ALL) {
    const room = new AuthRoom(version, 'knock_restricted');
    const knows = Number(version) >= 10;
    assert.equal(room.member('bob', 'knock'), knows, version);
    const via = { join_authorised_via_users_server: userOf('alice') };
    assert.equal(room.member('carol', 'join', 'carol', via), knows, version);
  }
});

each('sending takes the level of the type', ALL, (version) => {
  const room = new AuthRoom(version);
  room.must('bob', 'm.room.member', userOf('bob'), { membership: 'join' });
  room.levels(
    { bob: 30 },
    { events: { 'm.room.name': 30, 'org.loud': 60 }, events_default: 20, state_default: 50 },
  );
  assert.equal(room.allows('bob', 'm.room.name', ''), true);
  assert.equal(room.allows('bob', 'm.room.topic', ''), false);
  assert.equal(room.allows('bob', 'm.room.message', undefined), true);
  assert.equal(room.allows('bob', 'org.loud', undefined), false);
  assert.equal(room.allows('alice', 'org.example', userOf('bob')), false);
  assert.equal(room.allows('alice', 'org.example', userOf('alice')), true);
});

each('nobody gives more power than they have, nor takes it from their equals', ALL, (version) => {
  const room = new AuthRoom(version);
  for (const name of ['bob', 'carol']) room.must(name, 'm.room.member', userOf(name), { membership: 'join' });
  const more = { events: { 'm.room.power_levels': 50, 'org.high': 80 }, state_default: 50 };
  room.levels({ bob: 50, carol: 50 }, more);
  const alice: JsonObject = version === '12' ? {} : { [userOf('alice')]: 100 };
  const set = (users: Record<string, number>, extra: JsonObject = more) =>
    room.allows('bob', 'm.room.power_levels', '', {
      users: {
        ...alice,
        ...Object.fromEntries(Object.entries(users).map(([name, level]) => [userOf(name), level])),
      },
      ...extra,
    });
  assert.equal(set({ bob: 51, carol: 50 }), false);
  assert.equal(set({ bob: 50, carol: 40 }), false);
  assert.equal(set({ bob: 50, carol: 50, dave: 60 }), false);
  assert.equal(set({ bob: 50, carol: 50 }, { ...more, ban: 60 }), false);
  assert.equal(set({ bob: 50, carol: 50 }, { ...more, events: { 'm.room.power_levels': 50 } }), false);
  assert.equal(set({ bob: 50, carol: 50, dave: 50 }, { ...more, kick: 40 }), true);
  assert.equal(set({ bob: 40, carol: 50, dave: 50 }, { ...more, kick: 40 }), true);
});

test('notifications are guarded from version 6 on', () => {
  for (const version of ALL) {
    const room = new AuthRoom(version);
    room.must('bob', 'm.room.member', userOf('bob'), { membership: 'join' });
    room.levels({ bob: 50 }, { notifications: { room: 80 }, events: { 'm.room.power_levels': 50 } });
    const alice: JsonObject = version === '12' ? {} : { [userOf('alice')]: 100 };
    const content = { users: { ...alice, [userOf('bob')]: 50 }, events: { 'm.room.power_levels': 50 } };
    const lowered = room.allows('bob', 'm.room.power_levels', '', { ...content, notifications: { room: 1 } });
    assert.equal(lowered, Number(version) < 6, version);
  }
});

test('levels written as text are levels until version 9, and refused from 10 on', () => {
  for (const version of ALL) {
    const room = new AuthRoom(version);
    const allowed = room.allows('alice', 'm.room.power_levels', '', {
      ban: '50',
      users: { [userOf('bob')]: ' 7 ' },
    });
    assert.equal(allowed, Number(version) < 10, version);
    assert.equal(room.allows('alice', 'm.room.power_levels', '', { users: { bob: 1 } }), false);
    assert.equal(room.allows('alice', 'm.room.power_levels', '', { users: { [userOf('bob')]: 'x' } }), false);
  }
  const zeroes = new AuthRoom('9');
  assert.equal(
    zeroes.allows('alice', 'm.room.power_levels', '', { users: { [userOf('bob')]: '0000000000000000100' } }),
    true,
  );
  assert.equal(zeroes.allows('alice', 'm.room.power_levels', '', { ban: Infinity }), false);
  const create = { sender: userOf('alice'), content: { creator: userOf('alice') } };
  const levels = { content: { users: { [userOf('bob')]: ' 7 ' }, ban: '60', kick: 49.9 } };
  const view = new PowerLevels(new AuthRoom('9').version, create, levels);
  assert.deepEqual([view.userLevel(userOf('bob')), view.ban, view.kick], [7, 60, 49]);
});

each('creators are above everybody and in no list', from(12), (version) => {
  const room = new AuthRoom(version, 'public', { additional_creators: [userOf('bob')] });
  room.must('bob', 'm.room.member', userOf('bob'), { membership: 'join' });
  room.must('carol', 'm.room.member', userOf('carol'), { membership: 'join' });
  room.levels({ carol: 1_000_000 });
  assert.equal(room.allows('bob', 'm.room.power_levels', '', { users: { [userOf('alice')]: 5 } }), false);
  assert.equal(room.allows('alice', 'm.room.power_levels', '', { users: { [userOf('bob')]: 5 } }), false);
  assert.equal(room.member('carol', 'ban', 'bob'), false);
  assert.equal(room.member('alice', 'leave', 'bob'), false);
  assert.equal(room.member('bob', 'leave', 'carol'), true);
});

test('redactions are guarded in versions 1 and 2 only', () => {
  for (const version of ALL) {
    const room = new AuthRoom(version);
    room.must('bob:other.example', 'm.room.member', userOf('bob:other.example'), { membership: 'join' });
    const redact = (target: string) =>
      room.allows('bob:other.example', 'm.room.redaction', undefined, {}, target);
    assert.equal(redact('$x:example.org'), Number(version) > 2, version);
    assert.equal(redact('$x:other.example'), true, version);
  }
});

test('m.room.aliases is special until version 5', () => {
  for (const version of ALL) {
    const room = new AuthRoom(version);
    const allowed = room.allows('eve:evil.example', 'm.room.aliases', 'evil.example');
    assert.equal(allowed, Number(version) <= 5, version);
    assert.equal(room.allows('eve:evil.example', 'm.room.aliases', 'example.org'), false);
  }
});

each('a third-party invite is good for whom it was signed, once it was offered', ALL, (version) => {
  const room = new AuthRoom(version, 'invite');
  const key = SigningKey.fromSeed('ed25519:0', randomBytes(32));
  const other = SigningKey.fromSeed('ed25519:0', randomBytes(32));
  const signed = (by: SigningKey, mxid = userOf('bob')) => signJson({ mxid, token: 'abc' }, 'id.example', by);
  const invite = (block: JsonObject, target = 'bob') =>
    room.member('alice', 'invite', target, { third_party_invite: { display_name: 'b', signed: block } });
  assert.equal(invite(signed(key)), false);
  room.must('alice', 'm.room.third_party_invite', 'abc', {
    public_key: other.publicKey,
    public_keys: [{ public_key: key.publicKey }],
  });
  assert.equal(invite(signed(key), 'carol'), false);
  assert.equal(invite({ ...signed(key), mxid: userOf('carol') }, 'carol'), false);
  assert.equal(invite({ mxid: userOf('bob'), token: 'abc' }), false);
  assert.equal(invite(signed(key)), true);
  assert.equal(invite(signed(SigningKey.fromSeed('ed25519:0', randomBytes(32)))), false);
});

each('of a third-party invite 32 keys and 32 signatures are looked at, and no more', ALL, (version) => {
  const key = SigningKey.fromSeed('ed25519:0', randomBytes(32));
  const others = Array.from({ length: 32 }, () => SigningKey.fromSeed('ed25519:0', randomBytes(32)));
  const sign = (by: SigningKey) => signJson({ mxid: userOf('bob'), token: 'abc' }, 'id.example', by);
  const wrong = others.map((other) => [other.keyId, other.sign('another text')]);
  const offered = (keys: readonly SigningKey[], signatures: JsonObject) => {
    const room = new AuthRoom(version, 'invite');
    room.must('alice', 'm.room.third_party_invite', 'abc', {
      public_keys: keys.map(({ publicKey }) => ({ public_key: publicKey })),
    });
    return room.member('alice', 'invite', 'bob', {
      third_party_invite: { display_name: 'b', signed: { ...sign(key), signatures } },
    });
  };
  const right = { 'id.example': sign(key).signatures['id.example'] as JsonObject };
  const after = (count: number): JsonObject => ({
    ...Object.fromEntries(
      wrong.slice(0, count).map(([id, one], i) => [`${i}.example`, { [String(id)]: one }]),
    ),
    ...right,
  });
  assert.equal(offered([...others.slice(1), key], right), true);
  assert.equal(offered([...others, key], right), false);
  assert.equal(offered([...Array.from({ length: 100 }, () => others[0] as SigningKey), key], right), true);
  assert.equal(offered([key], after(31)), true);
  assert.equal(offered([key], after(32)), false);
});

/** Anything that somebody may try. */
const PEOPLE = ['alice', 'bob', 'carol'];
const attempt = fc.record({
  sender: fc.constantFrom('bob', 'carol'),
  target: fc.constantFrom(...PEOPLE),
  kind: fc.constantFrom('join', 'invite', 'leave', 'ban', 'knock', 'levels', 'name', 'create'),
  level: fc.integer({ min: -10, max: 200 }),
});

test('whatever two people without power try, they get none and harm nobody who has some', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ALL), fc.array(attempt, { maxLength: 40 }), (version, attempts) => {
      const room = new AuthRoom(version);
      room.levels({});
      for (const { sender, target, kind, level } of attempts) {
        if (kind === 'levels') {
          room.allows(sender, 'm.room.power_levels', '', {
            users: { [userOf(target)]: level },
            users_default: level,
          });
        } else if (kind === 'name') assert.equal(room.allows(sender, 'm.room.name', ''), false);
        else if (kind === 'create')
          assert.equal(room.allows(sender, 'm.room.create', '', { creator: userOf(sender) }), false);
        else room.member(sender, kind, target);
      }
      assert.equal(room.member('alice', 'join'), true);
      assert.equal(room.allows('alice', 'm.room.name', ''), true);
      assert.equal(room.allows('bob', 'm.room.name', ''), false);
    }),
    { numRuns: 300 },
  );
});

test('the banned never get back in by themselves', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ALL), fc.array(attempt, { maxLength: 30 }), (version, attempts) => {
      const room = new AuthRoom(version);
      room.must('carol', 'm.room.member', userOf('carol'), { membership: 'join' });
      room.levels({ carol: 10 });
      room.must('alice', 'm.room.member', userOf('bob'), { membership: 'ban' });
      for (const { sender, kind } of attempts) {
        if (['levels', 'name', 'create'].includes(kind)) continue;
        assert.equal(room.member(sender, kind, 'bob'), false);
      }
    }),
    { numRuns: 200 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { UserId } from '../identifiers.ts';
import type { JsonObject } from '../json.ts';
import { defaultPushRules } from './default-push-rules.ts';
import { putPushRule, setPushRuleEnabled } from './edit-push-rules.ts';
import { compileRuleset, evaluatePushRules, type PushOutcome } from './evaluate-push-rules.ts';
import { compileWordMatch } from './event-match.ts';
import { PushEvent } from './push-event.ts';
import type { PushCondition, PushRuleset } from './push-rules.ts';

const ALICE = '@alice:a.example' as UserId;
const BOB = '@bob:b.example' as UserId;
const DEFAULTS = defaultPushRules(ALICE);

interface Situation {
  memberCount?: number;
  mayNotify?: readonly string[];
  displayName?: string;
}

function evaluate(rules: PushRuleset, json: JsonObject, situation: Situation = {}): PushOutcome {
  const { memberCount = 3, mayNotify = [], displayName } = situation;
  const room = { memberCount, senderMayNotify: (_: string, key: string) => mayNotify.includes(key) };
  const event = new PushEvent({ sender: BOB, room_id: '!r:a.example', ...json }, room);
  const context =
    displayName === undefined ? { event, userId: ALICE } : { event, userId: ALICE, displayName };
  return evaluatePushRules(compileRuleset(rules), context);
}

function message(body: string, more: JsonObject = {}): JsonObject {
  return { type: 'm.room.message', content: { msgtype: 'm.text', body, ...more } };
}

function matchesCondition(condition: PushCondition, json: JsonObject, situation: Situation = {}): boolean {
  const rule = { rule_id: 'x', default: false, enabled: true, actions: ['notify'], conditions: [condition] };
  const none = { override: [rule], content: [], postcontent: [], room: [], sender: [], underride: [] };
  return evaluate(none, json, situation).ruleId === 'x';
}

test('the predefined rules decide as they are described [A074 partial]', () => {
  const cases: [string, JsonObject, Situation, string | undefined, string][] = [
    ['message', message('hi'), {}, '.m.rule.message', 'notify'],
    ['message of two', message('hi'), { memberCount: 2 }, '.m.rule.room_one_to_one', 'notify default'],
    ['encrypted', { type: 'm.room.encrypted', content: {} }, {}, '.m.rule.encrypted', 'notify'],
    [
      'encrypted of two',
      { type: 'm.room.encrypted', content: {} },
      { memberCount: 2 },
      '.m.rule.encrypted_room_one_to_one',
      'notify default',
    ],
    ['call', { type: 'm.call.invite', content: {} }, {}, '.m.rule.call', 'notify ring'],
    ['notice', message('hi', { msgtype: 'm.notice' }), {}, '.m.rule.suppress_notices', ''],
    [
      'mention',
      message('hi', { 'm.mentions': { user_ids: [BOB, ALICE] } }),
      {},
      '.m.rule.is_user_mention',
      'notify default highlight',
    ],
    [
      'room mention',
      message('hi', { 'm.mentions': { room: true } }),
      { mayNotify: ['room'] },
      '.m.rule.is_room_mention',
      'notify highlight',
    ],
    [
      'room mention without right',
      message('hi', { 'm.mentions': { room: true } }),
      {},
      '.m.rule.message',
      'notify',
    ],
    ['edit', message('hi', { 'm.relates_to': { rel_type: 'm.replace' } }), {}, '.m.rule.suppress_edits', ''],
    ['reaction', { type: 'm.reaction', content: {} }, {}, '.m.rule.reaction', ''],
    [
      'tombstone',
      { type: 'm.room.tombstone', state_key: '', content: {} },
      {},
      '.m.rule.tombstone',
      'notify highlight',
    ],
    ['tombstone without state key', { type: 'm.room.tombstone', content: {} }, {}, undefined, ''],
    [
      'server ACL',
      { type: 'm.room.server_acl', state_key: '', content: {} },
      {},
      '.m.rule.room.server_acl',
      '',
    ],
    [
      'invite',
      { type: 'm.room.member', state_key: ALICE, content: { membership: 'invite' } },
      {},
      '.m.rule.invite_for_me',
      'notify default',
    ],
    [
      'invite of another',
      { type: 'm.room.member', state_key: BOB, content: { membership: 'invite' } },
      {},
      '.m.rule.member_event',
      '',
    ],
    ['own message', { ...message('hi'), sender: ALICE }, {}, undefined, ''],
    ['unheard-of', { type: 'org.example', content: {} }, {}, undefined, ''],
    ['not an event', {}, {}, undefined, ''],
  ];
  for (const [name, json, situation, ruleId, effect] of cases) {
    const outcome = evaluate(DEFAULTS, json, situation);
    const parts = [outcome.notify ? 'notify' : '', outcome.sound ?? '', outcome.highlight ? 'highlight' : ''];
    assert.deepEqual([outcome.ruleId, parts.filter(Boolean).join(' ')], [ruleId, effect], name);
  }
});

test('polls notify like messages, and their answers do not [B141 partial]', () => {
  const cases: [string, number, string, string][] = [
    ['response', 2, 'poll_response', ''],
    ['start', 2, 'poll_start_one_to_one', 'default'],
    ['end', 2, 'poll_end_one_to_one', 'default'],
    ['start', 3, 'poll_start', 'silent'],
    ['end', 3, 'poll_end', 'silent'],
  ];
  for (const [type, memberCount, name, effect] of cases) {
    const json = { type: `org.matrix.msc3381.poll.${type}`, content: {} };
    const { ruleId, notify, sound } = evaluate(DEFAULTS, json, { memberCount });
    const found = notify ? (sound ?? 'silent') : '';
    assert.deepEqual([ruleId, found], [`.org.matrix.msc3930.rule.${name}`, effect]);
  }
});

test('a rule for everything encrypted is there to be enabled', () => {
  const encrypted = { type: 'm.room.encrypted', content: {} };
  const muted = putPushRule(DEFAULTS, 'room', '!r:a.example', { actions: [] });
  assert.equal(evaluate(muted, encrypted).notify, false);
  const ruleId = '.org.matrix.msc4028.encrypted_event';
  const outcome = evaluate(setPushRuleEnabled(muted, 'override', ruleId, true), encrypted);
  assert.deepEqual([outcome.ruleId, outcome.notify], [ruleId, true]);
});

test('there are the fifteen predefined rules of the specification, in its order [B061 partial] [A074 partial]', () => {
  const named = (rules: readonly { rule_id: string }[]) =>
    rules.map((rule) => rule.rule_id).filter((id) => id.startsWith('.m.rule.'));
  assert.deepEqual(named(DEFAULTS.override), [
    '.m.rule.master',
    '.m.rule.suppress_notices',
    '.m.rule.invite_for_me',
    '.m.rule.member_event',
    '.m.rule.is_user_mention',
    '.m.rule.is_room_mention',
    '.m.rule.tombstone',
    '.m.rule.reaction',
    '.m.rule.room.server_acl',
    '.m.rule.suppress_edits',
  ]);
  assert.deepEqual(named(DEFAULTS.underride), [
    '.m.rule.call',
    '.m.rule.encrypted_room_one_to_one',
    '.m.rule.room_one_to_one',
    '.m.rule.message',
    '.m.rule.encrypted',
  ]);
});

test('the master rule silences all, before the user’s own rules', () => {
  const own = putPushRule(DEFAULTS, 'override', 'all', { actions: ['notify'], conditions: [] });
  assert.equal(evaluate(own, message('x')).ruleId, 'all');
  const silenced = setPushRuleEnabled(own, 'override', '.m.rule.master', true);
  assert.equal(evaluate(silenced, message('x')).ruleId, '.m.rule.master');
  assert.equal(evaluate(silenced, message('x')).notify, false);
});

test('kinds are tried in their order [A072 partial]', () => {
  let rules = putPushRule(DEFAULTS, 'sender', BOB, { actions: [] });
  assert.equal(evaluate(rules, message('cake')).ruleId, BOB);
  rules = putPushRule(rules, 'room', '!r:a.example', { actions: ['notify'] });
  assert.equal(evaluate(rules, message('cake')).ruleId, '!r:a.example');
  rules = putPushRule(rules, 'content', 'sweet', { actions: [], pattern: 'cake' });
  assert.equal(evaluate(rules, message('cake')).ruleId, 'sweet');
  const disabled = setPushRuleEnabled(rules, 'content', 'sweet', false);
  assert.equal(evaluate(disabled, message('cake')).ruleId, '!r:a.example');
  rules = putPushRule(rules, 'override', 'first', { actions: [] });
  assert.equal(evaluate(rules, message('cake')).ruleId, 'first');
});

test('event_match is a glob over the whole value, ignoring case', () => {
  const lunch = { kind: 'event_match', key: 'content.topic', pattern: 'lunc?*' };
  const topic = (value: string | null) => ({ type: 'm.room.topic', content: { topic: value } });
  for (const value of ['Lunch plans', 'LUNCH']) assert.ok(matchesCondition(lunch, topic(value)), value);
  for (const value of [' lunch', 'lunc', null]) assert.ok(!matchesCondition(lunch, topic(value)), `${value}`);
  const any = { kind: 'event_match', key: 'content.absent', pattern: '*' };
  assert.ok(!matchesCondition(any, topic('x')));
  assert.ok(!matchesCondition({ ...any, key: 'content.constructor.name' }, topic('x')));
});

test('event_match on content.body and content rules match words', () => {
  const cases: [string, string, boolean][] = [
    ['ex*ple', 'An example event.', true],
    ['ex*ple', 'exple', true],
    ['ex*ple', 'An exciting triple-whammy', true],
    ['ex*ple', 'examples', false],
    ['cake', 'I like CAKE!', true],
    ['cake', 'cakes', false],
    ['cake', 'cupcake', false],
    ['cake', 'cakes and cake', true],
    ['cake', 'snake_cake', false],
    ['cake*', 'cakes', true],
    ['*cake', 'cupcake', true],
    ['ca?e', 'a cafe', true],
    ['ca?e', 'a cae', false],
    ['?ake', '😀ake', true],
    ['ünit', 'Ünit', true],
    [':)', 'hi:) there', true],
    ['a.b', 'axb', false],
    ['(', '(', true],
    ['*', '', true],
  ];
  for (const [pattern, body, expected] of cases) {
    const condition = { kind: 'event_match', key: 'content.body', pattern };
    assert.equal(matchesCondition(condition, message(body)), expected, `${pattern} in ${body}`);
    const rules = putPushRule(DEFAULTS, 'content', 'x', { actions: [], pattern });
    assert.equal(evaluate(rules, message(body)).ruleId === 'x', expected, `rule ${pattern} in ${body}`);
  }
});

test('word matching says the same as a backtracking regular expression', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', '_', ' ', '-'), maxLength: 12 });
  const patterns = fc.string({
    unit: fc.constantFrom('a', 'b', '*', '?', ' ', '-'),
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      const source = pattern.replaceAll('*', '.*').replaceAll('?', '.');
      const boundary = '(?:(?<![a-z0-9_])|(?![a-z0-9_]))';
      const expected = new RegExp(`${boundary}${source}${boundary}`).test(text);
      assert.equal(compileWordMatch(pattern)(text), expected);
    }),
    { numRuns: 3000 },
  );
});

test('a pattern made to be slow is not', () => {
  const matches = compileWordMatch(`${'a*'.repeat(200)}b`);
  const started = performance.now();
  assert.equal(matches('a'.repeat(60_000)), false);
  assert.ok(performance.now() - started < 10_000);
});

test('all rules of a user together take a bounded time for an event, and the predefined ones are asked in any case', () => {
  const x = 'a'.repeat(55_000);
  const patterns = [
    `*${'a'.repeat(507)}?b*`,
    `*b${'a'.repeat(507)}*`,
    '*a*a*a*a*a*a*b',
    `*?${'a'.repeat(400)}b*`,
  ];
  const slow = patterns.map((pattern) => ({ kind: 'event_match', key: 'content.x', pattern }));
  const many = Array.from({ length: 100 }, (_, i) => slow[i % 4] ?? { kind: 'none' });
  const owns = (own: readonly PushCondition[][]): PushRuleset =>
    own.reduce<PushRuleset>(
      (rules, conditions, i) => putPushRule(rules, 'override', `r${i}`, { actions: [], conditions }),
      DEFAULTS,
    );
  const rules = owns([
    ...many.map((condition) => [condition]),
    ...Array.from({ length: 300 }, () => many),
    ...Array.from({ length: 50 }, () =>
      Array.from({ length: 100 }, () => ({
        kind: 'event_property_contains',
        key: 'content.list',
        value: 'x',
      })),
    ),
  ]);
  const begun = performance.now();
  const event = message('x', {
    x,
    list: Array.from({ length: 20_000 }, () => 1),
    'm.mentions': { user_ids: [ALICE] },
  });
  assert.equal(evaluate(rules, event).ruleId, '.m.rule.is_user_mention');
  const took = performance.now() - begun;
  assert.ok(took < 1_000, `it took ${took} ms`);
  const key = 'content.x';
  const found = owns([
    [{ kind: 'event_match', key, pattern: '*B' }],
    ...Array.from({ length: 30 }, () => [{ kind: 'event_match', key, pattern: '*c*' }]),
  ]);
  assert.equal(
    evaluate(found, message('', { x: `${x}b` })).ruleId,
    'r0',
    'ordinary rules see all of the event',
  );
});

test('event_property_is and event_property_contains compare exactly [B061 partial]', () => {
  const event = {
    type: 'x',
    content: { 'm.federate': true, n: 1, nothing: null, o: {}, 'a\\b': 'c', list: ['1', 2, null, ['x']] },
  };
  const is = (key: string, value: string | number | boolean | null) =>
    matchesCondition({ kind: 'event_property_is', key, value }, event);
  assert.ok(is('content.m\\.federate', true));
  assert.ok(!is('content.m\\.federate', 'true') && !is('content.m\\.federate', 1));
  assert.ok(
    is('content.n', 1) && !is('content.n', '1') && is('content.nothing', null) && !is('content.none', null),
  );
  assert.ok(is('content.a\\\\b', 'c') && is('content.a\\b', 'c'));
  const contains = (key: string, value: string | number | null) =>
    matchesCondition({ kind: 'event_property_contains', key, value }, event);
  assert.ok(contains('content.list', '1') && contains('content.list', 2) && contains('content.list', null));
  assert.ok(!contains('content.list', 1) && !contains('content.list', 'x') && !contains('content.n', 1));
});

test('room_member_count compares [B061 partial] [A072 partial]', () => {
  const counts: [string, number[]][] = [
    ['2', [2]],
    ['==2', [2]],
    ['<2', [1]],
    ['>2', [3]],
    ['<=2', [1, 2]],
    ['>=2', [2, 3]],
    ['two', []],
    ['=>2', []],
  ];
  for (const [is, expected] of counts) {
    const condition = { kind: 'room_member_count', is };
    const found = [1, 2, 3].filter((memberCount) =>
      matchesCondition(condition, message('x'), { memberCount }),
    );
    assert.deepEqual(found, expected, is);
  }
});

test('contains_display_name takes the name literally and as words [A072 partial]', () => {
  const condition = { kind: 'contains_display_name' };
  const holds = (body: string, displayName?: string) =>
    matchesCondition(condition, message(body), displayName === undefined ? {} : { displayName });
  assert.ok(holds('hello al*ce!', 'Al*ce') && !holds('hello alice', 'Al*ce'));
  assert.ok(!holds('alices', 'Alice') && !holds('x', '') && !holds('alice'));
});

test('unknown and malformed conditions never match', () => {
  for (const condition of [
    { kind: 'org.example' },
    { kind: 'event_match', key: 'type' },
    { kind: 'event_property_is', key: 'type' },
    { kind: 'event_property_contains', value: 1 },
    { kind: 'room_member_count' },
    { kind: 'sender_notification_permission' },
  ]) {
    assert.ok(!matchesCondition(condition, message('x'), { memberCount: 2 }), condition.kind);
  }
});

test('tweaks pass through; unknown and historical actions have no effect [A073 partial]', () => {
  const actions = [
    'dont_notify',
    'coalesce',
    'org.example.blink',
    'notify',
    { set_tweak: 'highlight', value: false },
    { set_tweak: 'sound', value: 'beer.wav' },
    { set_tweak: 'org.example.colour', value: 'red' },
    { set_tweak: 'org.example.none' },
    { other: 1 },
  ];
  const rule = { rule_id: 'x', default: false, enabled: true, actions, conditions: [] };
  assert.deepEqual(evaluate({ ...DEFAULTS, override: [rule] }, message('x')), {
    notify: true,
    highlight: false,
    sound: 'beer.wav',
    tweaks: { highlight: false, sound: 'beer.wav', 'org.example.colour': 'red' },
    actions,
    ruleId: 'x',
  });
  const silent = { ...rule, actions: ['dont_notify', { set_tweak: 'highlight' }] };
  const outcome = evaluate({ ...DEFAULTS, override: [silent] }, message('x'));
  assert.deepEqual([outcome.notify, outcome.highlight], [false, false]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserId } from '../identifiers.ts';
import { MatrixError } from '../matrix-error.ts';
import { defaultPushRules, refreshDefaultRules } from './default-push-rules.ts';
import {
  deletePushRule,
  findPushRule,
  MAX_RULES,
  putPushRule,
  setPushRuleActions,
  setPushRuleEnabled,
} from './edit-push-rules.ts';
import { parsePushRuleKind } from './parse-push-rule.ts';
import type { PushRuleKind, PushRuleset } from './push-rules.ts';

const ALICE = '@alice:a.example' as UserId;
const DEFAULTS = defaultPushRules(ALICE);

function refuses(status: number, errcode: string, message: RegExp, act: () => unknown): void {
  assert.throws(act, (error: unknown) => {
    assert.ok(error instanceof MatrixError);
    assert.deepEqual([error.status, error.errcode], [status, errcode]);
    assert.match(error.message, message);
    return true;
  });
}

function ownIds(ruleset: PushRuleset, kind: PushRuleKind): string[] {
  return ruleset[kind].filter((rule) => !rule.default).map((rule) => rule.rule_id);
}

function put(ruleset: PushRuleset, ruleId: string, place = {}): PushRuleset {
  return putPushRule(ruleset, 'content', ruleId, { actions: ['notify'], pattern: ruleId }, place);
}

test('new rules go on top of the user’s own, below the master rule', () => {
  let rules = putPushRule(DEFAULTS, 'override', 'one', { actions: ['notify'], conditions: [] });
  rules = putPushRule(rules, 'override', 'two', { actions: [], conditions: [] });
  const ids = rules.override.map((rule) => rule.rule_id);
  assert.deepEqual(ids.slice(0, 4), ['.m.rule.master', 'two', 'one', '.m.rule.suppress_notices']);
  assert.deepEqual(findPushRule(rules, 'override', 'one'), {
    rule_id: 'one',
    default: false,
    enabled: true,
    actions: ['notify'],
    conditions: [],
  });
  assert.equal(DEFAULTS.override[1]?.rule_id, '.m.rule.suppress_notices', 'the input is unchanged');
});

test('before makes a rule more important, after less, and before wins', () => {
  const rules = put(put(put(DEFAULTS, 'c'), 'b'), 'a');
  assert.deepEqual(ownIds(rules, 'content'), ['a', 'b', 'c']);
  assert.deepEqual(ownIds(put(rules, 'x', { before: 'b' }), 'content'), ['a', 'x', 'b', 'c']);
  assert.deepEqual(ownIds(put(rules, 'x', { after: 'b' }), 'content'), ['a', 'b', 'x', 'c']);
  assert.deepEqual(ownIds(put(rules, 'x', { before: 'c', after: 'a' }), 'content'), ['a', 'b', 'x', 'c']);
  assert.deepEqual(ownIds(put(rules, 'a', { after: 'c' }), 'content'), ['b', 'c', 'a'], 'a move');
  assert.deepEqual(ownIds(put(rules, 'b'), 'content'), ['a', 'b', 'c'], 'an update stays in place');
});

test('an update keeps a disabled rule disabled', () => {
  const disabled = setPushRuleEnabled(put(DEFAULTS, 'a'), 'content', 'a', false);
  const updated = putPushRule(disabled, 'content', 'a', { actions: [], pattern: 'other' });
  assert.deepEqual(findPushRule(updated, 'content', 'a'), {
    rule_id: 'a',
    default: false,
    enabled: false,
    actions: [],
    pattern: 'other',
  });
});

test('a place must be another of the user’s own rules', () => {
  const rules = put(DEFAULTS, 'a');
  for (const place of [{ before: 'none' }, { after: 'none' }, { before: 'a' }]) {
    refuses(400, 'M_UNKNOWN', /not found/, () => put(rules, 'a', place));
  }
  const before = { before: '.m.rule.master' };
  refuses(400, 'M_UNKNOWN', /own/, () => putPushRule(DEFAULTS, 'override', 'x', { actions: [] }, before));
});

test('bad rule IDs, kinds and bodies are refused', () => {
  const body = { actions: [], pattern: 'x' };
  for (const ruleId of ['.mine', 'a/b', 'a\\b', '', 'x'.repeat(513)]) {
    refuses(400, 'M_INVALID_PARAM', /ID must/, () => putPushRule(DEFAULTS, 'content', ruleId, body));
  }
  refuses(400, 'M_INVALID_PARAM', /kinds are/, () => parsePushRuleKind('toString'));
  const bad: [PushRuleKind, unknown][] = [
    ['room', 'notify'],
    ['room', {}],
    ['room', { actions: 'notify' }],
    ['room', { actions: [1] }],
    ['room', { actions: [{ set_tweak: 1 }] }],
    ['room', { actions: Array.from({ length: 101 }, () => 'notify') }],
    ['content', { actions: [] }],
    ['content', { actions: [], pattern: '' }],
    ['content', { actions: [], pattern: 3 }],
    ['content', { actions: [], pattern: 'x'.repeat(513) }],
    ['override', { actions: [], conditions: {} }],
    ['override', { actions: [], conditions: [null] }],
    ['override', { actions: [], conditions: [{ kind: 1 }] }],
    ['override', { actions: [], conditions: [{ kind: 'event_match', key: 'type' }] }],
    ['override', { actions: [], conditions: [{ kind: 'event_match', pattern: 'type' }] }],
    [
      'override',
      { actions: [], conditions: [{ kind: 'event_match', key: 'type', pattern: 'x'.repeat(513) }] },
    ],
    ['override', { actions: [], conditions: [{ kind: 'room_member_count', is: 'two' }] }],
    ['override', { actions: [], conditions: [{ kind: 'event_property_is', key: 'a', value: [] }] }],
    ['override', { actions: [], conditions: [{ kind: 'event_property_is', key: 'a', value: 1.5 }] }],
    ['underride', { actions: [], conditions: [{ kind: 'event_property_contains', key: 'a' }] }],
    ['underride', { actions: [], conditions: [{ kind: 'sender_notification_permission' }] }],
  ];
  for (const [kind, rule] of bad) {
    refuses(400, 'M_BAD_JSON', /must/, () => putPushRule(DEFAULTS, kind, 'x', rule as never));
  }
});

test('conditions of unknown kinds are kept, and so are actions without effect', () => {
  const conditions = [
    { kind: 'org.example.new', x: 1 },
    { kind: 'event_property_is', key: 'a', value: null },
  ];
  const actions = ['dont_notify', 'coalesce', 'org.example.blink', { set_tweak: 'sound', value: 'x' }];
  const rules = putPushRule(DEFAULTS, 'underride', 'x', { conditions, actions, other: 1 });
  assert.deepEqual(findPushRule(rules, 'underride', 'x'), {
    rule_id: 'x',
    default: false,
    enabled: true,
    conditions,
    actions,
  });
});

test('the number of rules is bounded', () => {
  const room = Array.from({ length: MAX_RULES.room }, (_, i) => ({
    rule_id: `!${i}:a.example`,
    default: false,
    enabled: true,
    actions: [],
  }));
  const full = { ...DEFAULTS, room };
  refuses(400, 'M_INVALID_PARAM', /the most/, () =>
    putPushRule(full, 'room', '!new:a.example', { actions: [] }),
  );
  assert.equal(putPushRule(full, 'room', '!7:a.example', { actions: [] }).room.length, MAX_RULES.room);
});

test('predefined rules can be changed but not deleted', () => {
  const silenced = setPushRuleEnabled(DEFAULTS, 'override', '.m.rule.master', true);
  assert.equal(findPushRule(silenced, 'override', '.m.rule.master').enabled, true);
  const quiet = setPushRuleActions(silenced, 'underride', '.m.rule.message', ['dont_notify']);
  assert.deepEqual(findPushRule(quiet, 'underride', '.m.rule.message').actions, ['dont_notify']);
  refuses(400, 'M_INVALID_PARAM', /predefined/, () => deletePushRule(quiet, 'underride', '.m.rule.message'));
  assert.deepEqual(ownIds(deletePushRule(put(quiet, 'a'), 'content', 'a'), 'content'), []);
});

test('unknown rules are not found', () => {
  refuses(404, 'M_NOT_FOUND', /no content push rule "a"/, () => findPushRule(DEFAULTS, 'content', 'a'));
  refuses(404, 'M_NOT_FOUND', /no/, () => deletePushRule(DEFAULTS, 'content', 'a'));
  refuses(404, 'M_NOT_FOUND', /no/, () => setPushRuleEnabled(DEFAULTS, 'room', '.m.rule.master', true));
  refuses(404, 'M_NOT_FOUND', /no/, () => setPushRuleActions(DEFAULTS, 'room', 'a', []));
  refuses(400, 'M_BAD_JSON', /enabled/, () =>
    setPushRuleEnabled(DEFAULTS, 'override', '.m.rule.master', 'yes'),
  );
});

test('refreshing adds what is new, drops what is gone and keeps the user’s choices', () => {
  let stored = put(setPushRuleEnabled(DEFAULTS, 'override', '.m.rule.reaction', false), 'mine');
  stored = putPushRule(stored, 'override', 'own', { actions: [] });
  const gone = {
    rule_id: '.m.rule.roomnotif',
    default: true,
    enabled: true,
    actions: [],
    conditions: [],
  };
  const old = {
    ...stored,
    override: [...stored.override.filter((rule) => rule.rule_id !== '.m.rule.suppress_edits'), gone],
  };
  assert.deepEqual(refreshDefaultRules(old, ALICE), stored);
});

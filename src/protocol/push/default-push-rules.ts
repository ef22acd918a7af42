import { localpartOf, type UserId } from '../identifiers.ts';
import type { PushAction, PushCondition, PushRule, PushRuleKind, PushRuleset } from './push-rules.ts';

/** The rule that silences everything. It comes before every other rule, the user's own included. */
export const MASTER_RULE_ID = '.m.rule.master';

/** What a server decides about its predefined rules. */
export interface PushDefaults {
  /**
   * Whether a name in the text is a mention where the event has no `m.mentions`, as before v1.17 of the specification: what
   * bridges and old clients send.
   */
  readonly mentionsInText: boolean;
}

/** As the specification has it. */
const NO_MENTIONS_IN_TEXT: PushDefaults = { mentionsInText: false };

/** The rules that are passed over for events with `m.mentions`. */
export const MENTIONS_IN_TEXT: ReadonlySet<string> = new Set([
  '.m.rule.contains_display_name',
  '.m.rule.roomnotif',
  '.m.rule.contains_user_name',
]);

const HIGHLIGHT: PushAction = { set_tweak: 'highlight' };

function sound(value: string): PushAction {
  return { set_tweak: 'sound', value };
}

function matches(key: string, pattern: string): PushCondition {
  return { kind: 'event_match', key, pattern };
}

function rule(
  name: string,
  conditions: readonly PushCondition[],
  actions: readonly PushAction[] = [],
): PushRule {
  return { rule_id: `.m.rule.${name}`, default: true, enabled: true, conditions, actions };
}

// What is the same for every user is one object for all of them: it is compiled once, and kept once.

const BEFORE_INVITES: readonly PushRule[] = [
  { ...rule('master', []), enabled: false },
  rule('suppress_notices', [matches('content.msgtype', 'm.notice')]),
];

const BEFORE_MENTIONS: readonly PushRule[] = [rule('member_event', [matches('type', 'm.room.member')])];

const AFTER_MENTIONS: readonly PushRule[] = [
  rule(
    'is_room_mention',
    [
      { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
      { kind: 'sender_notification_permission', key: 'room' },
    ],
    ['notify', HIGHLIGHT],
  ),
  rule('tombstone', [matches('type', 'm.room.tombstone'), matches('state_key', '')], ['notify', HIGHLIGHT]),
  rule('reaction', [matches('type', 'm.reaction')]),
  rule('room.server_acl', [matches('type', 'm.room.server_acl'), matches('state_key', '')]),
  rule('suppress_edits', [
    { kind: 'event_property_is', key: 'content.m\\.relates_to.rel_type', value: 'm.replace' },
  ]),
];

function overrideRules(userId: UserId): PushRule[] {
  return [
    ...BEFORE_INVITES,
    rule(
      'invite_for_me',
      [
        matches('type', 'm.room.member'),
        matches('content.membership', 'invite'),
        matches('state_key', userId),
      ],
      ['notify', sound('default')],
    ),
    ...BEFORE_MENTIONS,
    rule(
      'is_user_mention',
      [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: userId }],
      ['notify', sound('default'), HIGHLIGHT],
    ),
    ...AFTER_MENTIONS,
  ];
}

const TWO_MEMBERS: PushCondition = { kind: 'room_member_count', is: '2' };

const UNDERRIDE: readonly PushRule[] = [
  rule('call', [matches('type', 'm.call.invite')], ['notify', sound('ring')]),
  rule(
    'encrypted_room_one_to_one',
    [TWO_MEMBERS, matches('type', 'm.room.encrypted')],
    ['notify', sound('default')],
  ),
  rule('room_one_to_one', [TWO_MEMBERS, matches('type', 'm.room.message')], ['notify', sound('default')]),
  rule('message', [matches('type', 'm.room.message')], ['notify']),
  rule('encrypted', [matches('type', 'm.room.encrypted')], ['notify']),
];

const ROOM_IN_TEXT = rule(
  'roomnotif',
  [matches('content.body', '*@room*'), { kind: 'sender_notification_permission', key: 'room' }],
  ['notify', HIGHLIGHT],
);

/** The first is an object for each user: what is compiled of it remembers the display name that it last looked for. */
function textOverrideRules(): PushRule[] {
  const actions: PushAction[] = ['notify', sound('default'), HIGHLIGHT];
  return [rule('contains_display_name', [{ kind: 'contains_display_name' }], actions), ROOM_IN_TEXT];
}

function textContentRules(userId: UserId): PushRule[] {
  const actions: PushAction[] = ['notify', sound('default'), HIGHLIGHT];
  const { conditions: _, ...named } = rule('contains_user_name', [], actions);
  return [{ ...named, pattern: localpartOf(userId) }];
}

/** Rules for polls (MSC3930), which are named for the MSC until the specification has them. */
function pollRule(
  name: string,
  conditions: readonly PushCondition[],
  actions: readonly PushAction[],
): PushRule {
  const rule_id = `.org.matrix.msc3930.rule.${name}`;
  return { rule_id, default: true, enabled: true, conditions, actions };
}

const POLL_OVERRIDE: readonly PushRule[] = [
  pollRule('poll_response', [matches('type', 'org.matrix.msc3381.poll.response')], []),
];

const POLL_START = matches('type', 'org.matrix.msc3381.poll.start');
const POLL_END = matches('type', 'org.matrix.msc3381.poll.end');

const POLL_UNDERRIDE: readonly PushRule[] = [
  pollRule('poll_start_one_to_one', [TWO_MEMBERS, POLL_START], ['notify', sound('default')]),
  pollRule('poll_start', [POLL_START], ['notify']),
  pollRule('poll_end_one_to_one', [TWO_MEMBERS, POLL_END], ['notify', sound('default')]),
  pollRule('poll_end', [POLL_END], ['notify']),
];

/** Clients enable it to be pushed whatever is encrypted and decide themselves what notifies (MSC4028). */
const ENCRYPTED_EVENT: PushRule = {
  rule_id: '.org.matrix.msc4028.encrypted_event',
  default: true,
  enabled: false,
  conditions: [matches('type', 'm.room.encrypted')],
  actions: ['notify'],
};

/** Threads are followed, or not, whatever the room's rules are (MSC4306). */
function threadRule(name: string, subscribed: boolean, actions: readonly PushAction[]): PushRule {
  return {
    rule_id: `.io.element.msc4306.rule.${name}`,
    default: true,
    enabled: true,
    conditions: [{ kind: 'io.element.msc4306.thread_subscription', subscribed }],
    actions,
  };
}

const THREADS: readonly PushRule[] = [
  threadRule('unsubscribed_thread', false, []),
  threadRule('subscribed_thread', true, ['notify', sound('default')]),
];

/** The predefined rules of a user who has changed nothing (Client-Server API, "Predefined Rules"), and those of MSCs. */
export function defaultPushRules(
  userId: UserId,
  { mentionsInText }: PushDefaults = NO_MENTIONS_IN_TEXT,
): PushRuleset {
  return {
    override: [
      ...overrideRules(userId),
      ...(mentionsInText ? textOverrideRules() : []),
      ...POLL_OVERRIDE,
      ENCRYPTED_EVENT,
    ],
    content: mentionsInText ? textContentRules(userId) : [],
    postcontent: THREADS,
    room: [],
    sender: [],
    underride: [...UNDERRIDE, ...POLL_UNDERRIDE],
  };
}

/** The master rule, then the user's own, then the other predefined rules. */
function inOrder(own: readonly PushRule[], predefined: readonly PushRule[]): PushRule[] {
  return [
    ...predefined.filter((rule) => rule.rule_id === MASTER_RULE_ID),
    ...own,
    ...predefined.filter((rule) => rule.rule_id !== MASTER_RULE_ID),
  ];
}

function isAsPredefined(set: PushRule, rule: PushRule): boolean {
  return set.enabled === rule.enabled && JSON.stringify(set.actions) === JSON.stringify(rule.actions);
}

/**
 * Brings stored rules to today's predefined rules: adds the new ones, drops those no longer defined, and keeps
 * what the user set (`enabled` and `actions`) and all the user's own rules in their order.
 */
export function refreshDefaultRules(
  stored: PushRuleset,
  userId: UserId,
  server: PushDefaults = NO_MENTIONS_IN_TEXT,
): PushRuleset {
  const defaults = defaultPushRules(userId, server);
  const refresh = (kind: PushRuleKind): PushRule[] => {
    const kept = (stored as Partial<PushRuleset>)[kind] ?? [];
    const before = new Map(kept.filter((rule) => rule.default).map((rule) => [rule.rule_id, rule]));
    const predefined = defaults[kind].map((rule) => {
      const set = before.get(rule.rule_id);
      return !set || isAsPredefined(set, rule)
        ? rule
        : { ...rule, enabled: set.enabled, actions: set.actions };
    });
    const own = kept.filter((rule) => !rule.default);
    return inOrder(own, predefined);
  };
  return {
    override: refresh('override'),
    content: refresh('content'),
    postcontent: refresh('postcontent'),
    room: refresh('room'),
    sender: refresh('sender'),
    underride: refresh('underride'),
  };
}

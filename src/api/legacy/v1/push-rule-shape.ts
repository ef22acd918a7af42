import { isJsonObject, type JsonObject, type JsonValue } from '../../../protocol/json.ts';
import { PUSH_RULE_KINDS, type PushRule, type PushRuleset } from '../../../protocol/push/push-rules.ts';

/** The predefined rule for all that no other matches, then and now. */
const FALLBACK = { then: '.m.rule.fallback', today: '.m.rule.message' } as const;

/** The key of an event that says who sent it, then and today. */
const SENDER = { then: 'user_id', today: 'sender' } as const;

/** The ID of today's rule that clients of 2015 know by another. */
export function ruleIdToday(ruleId: string): string {
  return ruleId === FALLBACK.then ? FALLBACK.today : ruleId;
}

/** A rule as clients of 2015 know it. */
export function ruleOf2015(rule: PushRule): JsonObject {
  const id = rule.rule_id === FALLBACK.today ? FALLBACK.then : rule.rule_id;
  return { ...withMatches(rule as unknown as JsonObject, MATCHES.then), rule_id: id };
}

/** A ruleset with the kinds of 2015. */
export function rulesetOf2015(ruleset: PushRuleset): JsonObject {
  const kinds = PUSH_RULE_KINDS.filter((kind) => kind !== 'postcontent');
  return Object.fromEntries(kinds.map((kind) => [kind, ruleset[kind].map(ruleOf2015)]));
}

/** A rule as a client of 2015 sets it, in the form of today. */
export function ruleFrom2015(rule: JsonObject): JsonObject {
  return { ...withMatches(rule, MATCHES.today), actions: actionsFrom2015(rule.actions) as JsonValue };
}

/** Actions as a client of 2015 sets them: `coalesce`, which does nothing today, was to notify where nothing is coalesced. */
export function actionsFrom2015(actions: JsonValue | undefined): JsonValue | undefined {
  if (!Array.isArray(actions) || !actions.includes('coalesce') || actions.includes('notify')) return actions;
  return ['notify', ...actions];
}

/** How what rules look for in events is written. */
interface MatchForm {
  readonly key: (key: string) => string;
  readonly pattern: (pattern: string) => string;
}

/** A pattern that said nothing of wildcards matched whatever contains it ("Conditions" of 2015). */
const MATCHES: Readonly<Record<'then' | 'today', MatchForm>> = {
  then: {
    key: (key) => (key === SENDER.today ? SENDER.then : key),
    pattern: (pattern) => /^\*([^*?]+)\*$/.exec(pattern)?.[1] ?? pattern,
  },
  today: {
    key: (key) => (key === SENDER.then ? SENDER.today : key),
    pattern: (pattern) => (/[*?]/.test(pattern) ? pattern : `*${pattern}*`),
  },
};

/** The rule with its pattern and its conditions, as far as it has them, in a form. */
function withMatches(rule: JsonObject, form: MatchForm): JsonObject {
  const rewritten = { ...rule };
  if (typeof rule.pattern === 'string' && rule.pattern !== '') rewritten.pattern = form.pattern(rule.pattern);
  if (Array.isArray(rule.conditions)) {
    rewritten.conditions = rule.conditions.map((condition) => conditionIn(condition, form));
  }
  return rewritten;
}

function conditionIn(condition: JsonValue, form: MatchForm): JsonValue {
  if (!isJsonObject(condition) || condition.kind !== 'event_match') return condition;
  const { key, pattern } = condition;
  if (typeof key !== 'string' || typeof pattern !== 'string') return condition;
  return { ...condition, key: form.key(key), pattern: form.pattern(pattern) };
}

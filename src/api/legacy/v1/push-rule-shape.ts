import { isJsonObject, type JsonObject, type JsonValue } from '../../../protocol/json.ts';
import { PUSH_RULE_KINDS, type PushRule, type PushRuleset } from '../../../protocol/push/push-rules.ts';

/** The predefined rule for all that no other matches, then and now. */
const FALLBACK = { then: '.m.rule.fallback', today: '.m.rule.message' } as const;

/** The ID of today's rule that clients of 2015 know by another. */
export function ruleIdToday(ruleId: string): string {
  return ruleId === FALLBACK.then ? FALLBACK.today : ruleId;
}

/** A rule as clients of 2015 know it. */
export function ruleOf2015(rule: PushRule): JsonObject {
  const id = rule.rule_id === FALLBACK.today ? FALLBACK.then : rule.rule_id;
  return { ...withPatterns(rule as unknown as JsonObject, patternOf2015), rule_id: id };
}

/** A ruleset with the kinds of 2015. */
export function rulesetOf2015(ruleset: PushRuleset): JsonObject {
  const kinds = PUSH_RULE_KINDS.filter((kind) => kind !== 'postcontent');
  return Object.fromEntries(kinds.map((kind) => [kind, ruleset[kind].map(ruleOf2015)]));
}

/** A rule as a client of 2015 sets it, in the form of today. */
export function ruleFrom2015(rule: JsonObject): JsonObject {
  return { ...withPatterns(rule, patternFrom2015), actions: actionsFrom2015(rule.actions) as JsonValue };
}

/** Actions as a client of 2015 sets them: `coalesce`, which does nothing today, was to notify where nothing is coalesced. */
export function actionsFrom2015(actions: JsonValue | undefined): JsonValue | undefined {
  if (!Array.isArray(actions) || !actions.includes('coalesce') || actions.includes('notify')) return actions;
  return ['notify', ...actions];
}

/** A pattern that said nothing of wildcards matched whatever contains it ("Conditions" of 2015). */
function patternFrom2015(pattern: string): string {
  return /[*?]/.test(pattern) ? pattern : `*${pattern}*`;
}

function patternOf2015(pattern: string): string {
  return /^\*([^*?]+)\*$/.exec(pattern)?.[1] ?? pattern;
}

/** The rule with its patterns, which content rules and conditions have, rewritten. */
function withPatterns(rule: JsonObject, rewrite: (pattern: string) => string): JsonObject {
  const rewritten = { ...rule };
  if (typeof rule.pattern === 'string' && rule.pattern !== '') rewritten.pattern = rewrite(rule.pattern);
  if (Array.isArray(rule.conditions)) {
    rewritten.conditions = rule.conditions.map((condition) =>
      isJsonObject(condition) && condition.kind === 'event_match' && typeof condition.pattern === 'string'
        ? { ...condition, pattern: rewrite(condition.pattern) }
        : condition,
    );
  }
  return rewritten;
}

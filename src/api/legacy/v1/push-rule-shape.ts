import type { JsonObject, JsonValue } from '../../../protocol/json.ts';
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
  return { ...(rule as unknown as JsonObject), rule_id: id };
}

/** A ruleset with the kinds of 2015. */
export function rulesetOf2015(ruleset: PushRuleset): JsonObject {
  const kinds = PUSH_RULE_KINDS.filter((kind) => kind !== 'postcontent');
  return Object.fromEntries(kinds.map((kind) => [kind, ruleset[kind].map(ruleOf2015)]));
}

/** Actions as a client of 2015 sets them: `coalesce`, which does nothing today, was to notify where nothing is coalesced. */
export function actionsFrom2015(actions: JsonValue | undefined): JsonValue | undefined {
  if (!Array.isArray(actions) || !actions.includes('coalesce') || actions.includes('notify')) return actions;
  return ['notify', ...actions];
}

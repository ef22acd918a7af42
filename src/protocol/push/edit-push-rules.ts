import type { JsonValue } from '../json.ts';
import { invalidParam, MatrixError, notFound } from '../matrix-error.ts';
import { MASTER_RULE_ID } from './default-push-rules.ts';
import { parseEnabled, parsePushActions, parsePushRuleBody, parseUserRuleId } from './parse-push-rule.ts';
import type { PushRule, PushRuleKind, PushRuleset } from './push-rules.ts';

/** The most rules of each kind. Room and sender rules are looked up, the others tried one by one for every event. */
export const MAX_RULES: { readonly [kind in PushRuleKind]: number } = {
  override: 500,
  content: 500,
  postcontent: 500,
  room: 5_000,
  sender: 5_000,
  underride: 500,
};

/** Where a rule goes, by the ID of another of the user's rules of that kind. `before` wins over `after`. */
export interface PushRulePlace {
  /** The rule becomes the next more important than this one. */
  readonly before?: string | undefined;
  /** The rule becomes the next less important than this one. */
  readonly after?: string | undefined;
}

/** The rule of that kind and ID. Throws 404 M_NOT_FOUND if there is none. */
export function findPushRule(ruleset: PushRuleset, kind: PushRuleKind, ruleId: string): PushRule {
  const found = ruleset[kind].find((rule) => rule.rule_id === ruleId);
  if (!found) throw notFound(`There is no ${kind} push rule "${ruleId}"`);
  return found;
}

/**
 * Adds a rule of the user's own, enabled, or replaces one, which keeps its `enabled` and, unless a place is given, its
 * place. Without a place a new rule is the most important of the user's own of its kind.
 *
 * @param body the request's body: `actions`, and `conditions` or `pattern` as the kind has it.
 * @throws 400 M_INVALID_PARAM or M_BAD_JSON for a bad rule ID or body or for too many rules; 400 M_UNKNOWN when
 *   the rule of `place` does not exist or is predefined.
 */
export function putPushRule(
  ruleset: PushRuleset,
  kind: PushRuleKind,
  ruleId: string,
  body: JsonValue | undefined,
  place: PushRulePlace = {},
): PushRuleset {
  parseUserRuleId(ruleId);
  const parsed = parsePushRuleBody(kind, body);
  const rules = ruleset[kind];
  const existing = rules.findIndex((rule) => rule.rule_id === ruleId);
  const isNew = existing < 0;
  if (isNew && rules.length >= MAX_RULES[kind]) {
    throw invalidParam(`There are already ${MAX_RULES[kind]} ${kind} push rules, the most there may be`);
  }
  const rule: PushRule = {
    rule_id: ruleId,
    default: false,
    enabled: rules[existing]?.enabled ?? true,
    ...parsed,
  };
  const others = rules.filter((other) => other.rule_id !== ruleId);
  const at = placeAmong(others, place) ?? (isNew ? topOfOwn(others) : existing);
  return { ...ruleset, [kind]: others.toSpliced(at, 0, rule) };
}

/** Removes one of the user's own rules. Throws 404 if there is none, 400 M_INVALID_PARAM for a predefined one. */
export function deletePushRule(ruleset: PushRuleset, kind: PushRuleKind, ruleId: string): PushRuleset {
  if (findPushRule(ruleset, kind, ruleId).default) {
    throw invalidParam(`"${ruleId}" is a predefined push rule: it can be disabled, but not deleted`);
  }
  return { ...ruleset, [kind]: ruleset[kind].filter((rule) => rule.rule_id !== ruleId) };
}

/** Enables or disables a rule, also a predefined one. Throws 404 if there is none, 400 M_BAD_JSON if not a boolean. */
export function setPushRuleEnabled(
  ruleset: PushRuleset,
  kind: PushRuleKind,
  ruleId: string,
  enabled: JsonValue | undefined,
): PushRuleset {
  return changeRule(ruleset, kind, ruleId, { enabled: parseEnabled(enabled) });
}

/** Sets a rule's actions, also a predefined one's. Throws 404 if there is none, 400 M_BAD_JSON for bad actions. */
export function setPushRuleActions(
  ruleset: PushRuleset,
  kind: PushRuleKind,
  ruleId: string,
  actions: JsonValue | undefined,
): PushRuleset {
  return changeRule(ruleset, kind, ruleId, { actions: parsePushActions(actions) });
}

function changeRule(
  ruleset: PushRuleset,
  kind: PushRuleKind,
  ruleId: string,
  change: Partial<PushRule>,
): PushRuleset {
  const before = findPushRule(ruleset, kind, ruleId);
  const after = { ...before, ...change };
  return { ...ruleset, [kind]: ruleset[kind].map((rule) => (rule === before ? after : rule)) };
}

/** Index of the first of the user's own rules, which is also where the first one goes. */
function topOfOwn(rules: readonly PushRule[]): number {
  return rules[0]?.rule_id === MASTER_RULE_ID ? 1 : 0;
}

function placeAmong(rules: readonly PushRule[], { before, after }: PushRulePlace): number | undefined {
  const relativeTo = before ?? after;
  if (relativeTo === undefined) return undefined;
  const at = rules.findIndex((rule) => rule.rule_id === relativeTo && !rule.default);
  if (at < 0) {
    const message = `before/after rule not found: "${relativeTo}" is not another push rule of the user's own`;
    throw new MatrixError(400, 'M_UNKNOWN', message);
  }
  return before === undefined ? at + 1 : at;
}

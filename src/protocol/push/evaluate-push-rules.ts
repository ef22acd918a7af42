import { ANY_EFFORT, type Effort } from '../glob.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { compileCondition, compileContentPattern, type ConditionCheck } from './compile-condition.ts';
import { MENTIONS_IN_TEXT } from './default-push-rules.ts';
import type { PushContext } from './push-event.ts';
import type { PushAction, PushRule, PushRuleset } from './push-rules.ts';

/** What a user's rules say about an event. */
export interface PushOutcome {
  readonly notify: boolean;
  /** Never true without `notify`. */
  readonly highlight: boolean;
  readonly sound?: string;
  /** All tweaks, as the push gateway gets them. */
  readonly tweaks: JsonObject;
  /** The actions of the rule that matched. */
  readonly actions: readonly PushAction[];
  /** The rule that matched; absent when none did or the event is the user's own. */
  readonly ruleId?: string;
}

interface CompiledRule {
  readonly isDefault: boolean;
  readonly checks: readonly ConditionCheck[];
  readonly outcome: PushOutcome;
}

/** A ruleset made ready by `compileRuleset`. Immutable: compile anew when the rules change. */
export interface CompiledRuleset {
  readonly override: readonly CompiledRule[];
  readonly content: readonly CompiledRule[];
  readonly postcontent: readonly CompiledRule[];
  readonly room: ReadonlyMap<string, PushOutcome>;
  readonly sender: ReadonlyMap<string, PushOutcome>;
  readonly underride: readonly CompiledRule[];
  /** Whether a rule asks for the user's display name in the room: `PushContext.displayName` is to be given. */
  readonly asksDisplayName: boolean;
}

/**
 * Steps that all of a user's own rules together may take for one event. Dozens of keywords in the longest message take
 * less; those that would take more do not match. The predefined rules are not counted.
 */
const MOST_STEPS = 4_000_000;

const NO_MATCH: PushOutcome = { notify: false, highlight: false, tweaks: {}, actions: [] };

/** Prepares a ruleset, leaving out disabled rules. Costs about a microsecond a rule; evaluating is what it makes fast. */
export function compileRuleset(ruleset: PushRuleset): CompiledRuleset {
  return {
    override: enabled(ruleset.override).map(compileConditional),
    content: enabled(ruleset.content).map(compileContent),
    postcontent: enabled(ruleset.postcontent).map(compileConditional),
    room: outcomesById(ruleset.room),
    sender: outcomesById(ruleset.sender),
    underride: enabled(ruleset.underride).map(compileConditional),
    asksDisplayName: [ruleset.override, ruleset.postcontent, ruleset.underride].some((rules) =>
      enabled(rules).some(asksDisplayName),
    ),
  };
}

function asksDisplayName(rule: PushRule): boolean {
  return rule.conditions?.some((condition) => condition.kind === 'contains_display_name') === true;
}

/**
 * What the rules of a pusher's profile, if it has any, and then the global ones say about an event (push.rst of October
 * 2015).
 */
export function evaluateScopedRules(
  { global, device }: { global: CompiledRuleset; device: CompiledRuleset | undefined },
  context: PushContext,
): PushOutcome {
  const own = device && evaluatePushRules(device, context);
  return own?.ruleId === undefined ? evaluatePushRules(global, context) : own;
}

/**
 * What the rules say about an event: the most important enabled rule that matches decides. A user's own event never
 * notifies (Client-Server API, "Push Rules"). Without input or output; about a microsecond with the default rules, and
 * some dozens of milliseconds with the worst that a user and a sender can come up with.
 */
export function evaluatePushRules(ruleset: CompiledRuleset, context: PushContext): PushOutcome {
  const { event, userId } = context;
  if (event.sender === userId) return NO_MATCH;
  const effort = { left: MOST_STEPS };
  return (
    firstMatch(ruleset.override, context, effort) ??
    firstMatch(ruleset.content, context, effort) ??
    firstMatch(ruleset.postcontent, context, effort) ??
    ruleset.room.get(event.roomId) ??
    ruleset.sender.get(event.sender) ??
    firstMatch(ruleset.underride, context, effort) ??
    NO_MATCH
  );
}

function firstMatch(
  rules: readonly CompiledRule[],
  context: PushContext,
  effort: Effort,
): PushOutcome | undefined {
  for (const { checks, isDefault, outcome } of rules) {
    if (holdAll(checks, context, isDefault ? ANY_EFFORT : effort)) return outcome;
  }
  return undefined;
}

function holdAll(checks: readonly ConditionCheck[], context: PushContext, effort: Effort): boolean {
  for (const check of checks) if (!check(context, effort)) return false;
  return true;
}

function enabled(rules: readonly PushRule[]): PushRule[] {
  return rules.filter((rule) => rule.enabled);
}

/** Rules that many users have are the same object. */
const conditional = new WeakMap<PushRule, CompiledRule>();

function compileConditional(rule: PushRule): CompiledRule {
  const known = conditional.get(rule);
  if (known) return known;
  const checks = (rule.conditions ?? []).map(compileCondition);
  const compiled = {
    isDefault: rule.default,
    checks: withoutMentions(rule, checks),
    outcome: outcomeOf(rule),
  };
  conditional.set(rule, compiled);
  return compiled;
}

function compileContent(rule: PushRule): CompiledRule {
  const check = rule.pattern === undefined ? () => false : compileContentPattern(rule.pattern);
  return { isDefault: rule.default, checks: withoutMentions(rule, [check]), outcome: outcomeOf(rule) };
}

/** The rules that find mentions in the text are for events that do not say whom they mention. */
function withoutMentions(rule: PushRule, checks: ConditionCheck[]): ConditionCheck[] {
  if (!rule.default || !MENTIONS_IN_TEXT.has(rule.rule_id)) return checks;
  return [({ event }) => !event.saysWhomItMentions, ...checks];
}

function outcomesById(rules: readonly PushRule[]): Map<string, PushOutcome> {
  return new Map(enabled(rules).map((rule) => [rule.rule_id, outcomeOf(rule)]));
}

function tweaksOf(actions: readonly PushAction[]): JsonObject {
  const tweaks: [string, JsonObject[string]][] = [];
  for (const action of actions) {
    if (!isJsonObject(action) || typeof action.set_tweak !== 'string') continue;
    // Only highlight has a meaning without a value: true.
    const value = action.value ?? (action.set_tweak === 'highlight' ? true : undefined);
    if (value !== undefined) tweaks.push([action.set_tweak, value]);
  }
  return Object.fromEntries(tweaks);
}

function outcomeOf(rule: PushRule): PushOutcome {
  const { actions, rule_id: ruleId } = rule;
  if (!actions.includes('notify')) return { ...NO_MATCH, actions, ruleId };
  const tweaks = tweaksOf(actions);
  const sound = typeof tweaks.sound === 'string' ? { sound: tweaks.sound } : {};
  return { notify: true, highlight: tweaks.highlight === true, ...sound, tweaks, actions, ruleId };
}

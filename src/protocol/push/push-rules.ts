import type { JsonObject, JsonValue } from '../json.ts';

/** The kinds of push rules, in the order in which they are tried. */
export const PUSH_RULE_KINDS = ['override', 'content', 'postcontent', 'room', 'sender', 'underride'] as const;

/** A kind of push rule; rule IDs are unique within one. */
export type PushRuleKind = (typeof PUSH_RULE_KINDS)[number];

/** A condition as the wire has it. Kinds that Myelin does not know are kept, and never match. */
export interface PushCondition extends JsonObject {
  kind: string;
}

/** An action as the wire has it: `notify`, `{ set_tweak, value }`, or one that has no effect. */
export type PushAction = string | JsonObject;

/** A push rule in the form of the wire (Client-Server API, "Push Rules"). */
export interface PushRule {
  readonly rule_id: string;
  /** Predefined by the server rather than made by the user. */
  readonly default: boolean;
  readonly enabled: boolean;
  readonly actions: readonly PushAction[];
  /** Override, postcontent (MSC4306) and underride rules only; all must hold. */
  readonly conditions?: readonly PushCondition[];
  /** Content rules only: a glob for words of the body. */
  readonly pattern?: string;
}

/** All the push rules of a user, each kind from the most to the least important. The `global` of `m.push_rules`. */
export type PushRuleset = { readonly [kind in PushRuleKind]: readonly PushRule[] };

/** The ruleset as the content of the `m.push_rules` account data event. */
export function pushRulesContent(ruleset: PushRuleset): JsonObject {
  return { global: JSON.parse(JSON.stringify(ruleset)) as JsonValue };
}

import type { JsonObject } from '../json.ts';

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

/** A user's rules for all devices, and those of before today's: for pushers with a profile tag (push.rst of October 2015). */
export interface ScopedPushRules {
  readonly global: PushRuleset;
  /** By profile tag. They come before the global ones. */
  readonly device: ReadonlyMap<string, PushRuleset>;
}

/** No rules of any kind: what a profile tag begins with. */
export const NO_PUSH_RULES: PushRuleset = {
  override: [],
  content: [],
  postcontent: [],
  room: [],
  sender: [],
  underride: [],
};

/** The rules as the content of the `m.push_rules` account data event. */
export function pushRulesContent({ global, device }: ScopedPushRules): JsonObject {
  const content = device.size === 0 ? { global } : { global, device: Object.fromEntries(device) };
  return JSON.parse(JSON.stringify(content)) as JsonObject;
}

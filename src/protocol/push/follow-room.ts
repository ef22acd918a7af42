import type { RoomId } from '../identifiers.ts';
import type { PushRule, PushRuleset } from './push-rules.ts';

/**
 * The rules with those of a user's own that are about one room copied for the room that replaced it. The same object where
 * there is nothing to copy, or where all of it was.
 */
export function followRoom(ruleset: PushRuleset, from: RoomId, to: RoomId): PushRuleset {
  const room = added(ruleset.room, ({ rule_id: id }) => (id === from ? { rule_id: to } : undefined));
  const conditional = (rules: readonly PushRule[]) => added(rules, (rule) => conditionsFor(rule, from, to));
  const override = conditional(ruleset.override);
  const underride = conditional(ruleset.underride);
  const isSame = room === ruleset.room && override === ruleset.override && underride === ruleset.underride;
  return isSame ? ruleset : { ...ruleset, override, room, underride };
}

/** The rules, each copy just before the rule that it is of. */
function added(
  rules: readonly PushRule[],
  copy: (rule: PushRule) => Partial<PushRule> | undefined,
): readonly PushRule[] {
  const ids = new Set(rules.map((rule) => rule.rule_id));
  const after = rules.flatMap((rule) => {
    const changes = rule.default ? undefined : copy(rule);
    if (changes?.rule_id === undefined || ids.has(changes.rule_id)) return [rule];
    return [{ ...rule, ...changes }, rule];
  });
  return after.length === rules.length ? rules : after;
}

/** What is different in the copy of a rule that asks for events of the room; undefined for another rule. */
function conditionsFor(rule: PushRule, from: RoomId, to: RoomId): Partial<PushRule> | undefined {
  const isOfRoom = (condition: object) =>
    'key' in condition && condition.key === 'room_id' && 'pattern' in condition && condition.pattern === from;
  if (!rule.conditions?.some(isOfRoom)) return undefined;
  const { rule_id: id } = rule;
  return {
    rule_id: id.includes(from) ? id.replaceAll(from, to) : `${id}_${to}`,
    conditions: rule.conditions.map((one) => (isOfRoom(one) ? { ...one, pattern: to } : one)),
  };
}

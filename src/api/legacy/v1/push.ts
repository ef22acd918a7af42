import type { JsonObject } from '../../../protocol/json.ts';
import { postPusher } from '../../client/push/pushers.ts';
import {
  changePushRuleActions,
  deleteRule,
  enablePushRule,
  getPushRule,
  getPushRuleActions,
  getPushRules,
  getPushRulesGlobal,
  isPushRuleEnabled,
  setPushRule,
} from '../../client/push/push-rules.ts';
import { V1 } from '../legacy-paths.ts';
import { oldForm } from '../old-form.ts';

const RULES = `${V1}/pushrules`;
const RULE = `${RULES}/global/:kind/:ruleId`;

/** Pushers and the push rules of all devices: as today, at the paths of 2015. */
export const v1Push = [
  oldForm(postPusher, { id: 'set_pusher', paths: [`${V1}/pushers/set`] }),
  oldForm(getPushRules, {
    id: 'get_rules',
    paths: [RULES, `${RULES}/`],
    shape: (answer) => ({ device: {}, ...(answer as JsonObject) }),
  }),
  oldForm(getPushRulesGlobal, { id: 'get_global_rules', paths: [`${RULES}/global`, `${RULES}/global/`] }),
  oldForm(getPushRule, { id: 'get_rule', paths: [RULE] }),
  oldForm(setPushRule, { id: 'set_rule', paths: [RULE] }),
  oldForm(deleteRule, { id: 'delete_rule', paths: [RULE] }),
  oldForm(isPushRuleEnabled, { id: 'is_rule_enabled', paths: [`${RULE}/enabled`] }),
  oldForm(enablePushRule, { id: 'set_rule_enabled', paths: [`${RULE}/enabled`] }),
  oldForm(getPushRuleActions, { id: 'get_rule_actions', paths: [`${RULE}/actions`] }),
  oldForm(changePushRuleActions, { id: 'set_rule_actions', paths: [`${RULE}/actions`] }),
] as const;

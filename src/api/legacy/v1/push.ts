import { Type } from 'typebox';
import type { PushRules } from '../../../modules/push/index.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { endpoint } from '../../../wire/endpoint.ts';
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
import { CODES_OF_2015, oldForm } from '../old-form.ts';

const RULES = `${V1}/pushrules`;
const RULE = `${RULES}/global/:kind/:ruleId`;

/** PUT /pushrules/global/{kind}/{ruleId}/enabled: the body is true or false, or an object as today. */
const v1EnablePushRule = endpoint(
  {
    id: 'set_rule_enabled',
    method: 'PUT',
    paths: [`${RULE}/enabled`],
    auth: 'user',
    codes: CODES_OF_2015,
    params: Type.Object({ kind: Type.String(), ruleId: Type.String() }),
    body: Type.Unknown(),
  },
  (needs: { pushRules: PushRules }, { session, params, body }) => {
    const enabled = typeof body === 'boolean' ? { enabled: body } : body;
    return enablePushRule.handle(needs, { session, params, body: enabled } as never);
  },
);

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
  v1EnablePushRule,
  oldForm(getPushRuleActions, { id: 'get_rule_actions', paths: [`${RULE}/actions`] }),
  oldForm(changePushRuleActions, { id: 'set_rule_actions', paths: [`${RULE}/actions`] }),
] as const;

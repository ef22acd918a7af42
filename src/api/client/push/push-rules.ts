import { Type } from 'typebox';
import type { PushRules } from '../../../modules/push/index.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../protocol/json.ts';
import { badJson } from '../../../protocol/matrix-error.ts';
import {
  deletePushRule,
  findPushRule,
  putPushRule,
  setPushRuleActions,
  setPushRuleEnabled,
} from '../../../protocol/push/edit-push-rules.ts';
import { existingPushRuleKind, parsePushRuleKind } from '../../../protocol/push/parse-push-rule.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  pushRules: PushRules;
}

const oneRule = {
  paths: clientPaths('/pushrules/global/:kind/:ruleId'),
  auth: 'user',
  params: Type.Object({ kind: Type.String(), ruleId: Type.String() }),
} as const;
const enabled = { ...oneRule, paths: clientPaths('/pushrules/global/:kind/:ruleId/enabled') } as const;
const actions = { ...oneRule, paths: clientPaths('/pushrules/global/:kind/:ruleId/actions') } as const;

/** GET /pushrules/ */
export const getPushRules = endpoint(
  {
    id: 'getPushRules',
    method: 'GET',
    paths: [...clientPaths('/pushrules/'), ...clientPaths('/pushrules')],
    auth: 'user',
  },
  async (needs: Needs, request) => ({ global: await needs.pushRules.ruleset(request.session.userId) }),
);

/** GET /pushrules/global/ */
export const getPushRulesGlobal = endpoint(
  {
    id: 'getPushRulesGlobal',
    method: 'GET',
    paths: [...clientPaths('/pushrules/global/'), ...clientPaths('/pushrules/global')],
    auth: 'user',
  },
  (needs: Needs, request) => needs.pushRules.ruleset(request.session.userId),
);

/** GET /pushrules/global/{kind}/{ruleId} */
export const getPushRule = endpoint(
  { ...oneRule, id: 'getPushRule', method: 'GET' },
  async (needs: Needs, request) => {
    const ruleset = await needs.pushRules.ruleset(request.session.userId);
    return findPushRule(ruleset, existingPushRuleKind(request.params.kind), request.params.ruleId);
  },
);

/** PUT /pushrules/global/{kind}/{ruleId} */
export const setPushRule = endpoint(
  {
    ...oneRule,
    id: 'setPushRule',
    method: 'PUT',
    query: Type.Object({ before: Type.Optional(Type.String()), after: Type.Optional(Type.String()) }),
    body: Type.Unknown(),
  },
  async (needs: Needs, request) => {
    const kind = parsePushRuleKind(request.params.kind);
    const { before, after } = request.query;
    await needs.pushRules.change(request.session.userId, (ruleset) =>
      putPushRule(ruleset, kind, request.params.ruleId, request.body as JsonValue, { before, after }),
    );
    return {};
  },
);

/** DELETE /pushrules/global/{kind}/{ruleId} */
export const deleteRule = endpoint(
  { ...oneRule, id: 'deletePushRule', method: 'DELETE' },
  async (needs: Needs, request) => {
    const kind = existingPushRuleKind(request.params.kind);
    await needs.pushRules.change(request.session.userId, (ruleset) =>
      deletePushRule(ruleset, kind, request.params.ruleId),
    );
    return {};
  },
);

/** GET /pushrules/global/{kind}/{ruleId}/enabled */
export const isPushRuleEnabled = endpoint(
  { ...enabled, id: 'isPushRuleEnabled', method: 'GET' },
  async (needs: Needs, request) => {
    const ruleset = await needs.pushRules.ruleset(request.session.userId);
    return {
      enabled: findPushRule(ruleset, existingPushRuleKind(request.params.kind), request.params.ruleId)
        .enabled,
    };
  },
);

/** PUT /pushrules/global/{kind}/{ruleId}/enabled */
export const enablePushRule = endpoint(
  { ...enabled, id: 'setPushRuleEnabled', method: 'PUT', body: Type.Unknown() },
  async (needs: Needs, request) => {
    const kind = existingPushRuleKind(request.params.kind);
    const value = object(request.body).enabled;
    await needs.pushRules.change(request.session.userId, (ruleset) =>
      setPushRuleEnabled(ruleset, kind, request.params.ruleId, value),
    );
    return {};
  },
);

/** GET /pushrules/global/{kind}/{ruleId}/actions */
export const getPushRuleActions = endpoint(
  { ...actions, id: 'getPushRuleActions', method: 'GET' },
  async (needs: Needs, request) => {
    const ruleset = await needs.pushRules.ruleset(request.session.userId);
    return {
      actions: findPushRule(ruleset, existingPushRuleKind(request.params.kind), request.params.ruleId)
        .actions,
    };
  },
);

/** PUT /pushrules/global/{kind}/{ruleId}/actions */
export const changePushRuleActions = endpoint(
  { ...actions, id: 'setPushRuleActions', method: 'PUT', body: Type.Unknown() },
  async (needs: Needs, request) => {
    const kind = existingPushRuleKind(request.params.kind);
    const value = object(request.body).actions;
    await needs.pushRules.change(request.session.userId, (ruleset) =>
      setPushRuleActions(ruleset, kind, request.params.ruleId, value),
    );
    return {};
  },
);

function object(body: unknown): JsonObject {
  if (!isJsonObject(body)) throw badJson('The body must be an object');
  return body;
}

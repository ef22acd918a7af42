import { Type } from 'typebox';
import type { PushRules } from '../../../modules/push/index.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../protocol/json.ts';
import { badJson, notFound } from '../../../protocol/matrix-error.ts';
import { existingPushRuleKind, parsePushRuleKind } from '../../../protocol/push/parse-push-rule.ts';
import {
  deletePushRule,
  findPushRule,
  putPushRule,
  setPushRuleActions,
  setPushRuleEnabled,
} from '../../../protocol/push/edit-push-rules.ts';
import { NO_PUSH_RULES, type PushRule, type PushRuleset } from '../../../protocol/push/push-rules.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { V1 } from '../legacy-paths.ts';
import { CODES_OF_2015 } from '../old-form.ts';
import { actionsFrom2015, ruleFrom2015, ruleIdToday, ruleOf2015, rulesetOf2015 } from './push-rule-shape.ts';

interface Needs {
  readonly pushRules: PushRules;
}

const RULES = `${V1}/pushrules`;
/** The rules of all devices, or of those with a profile tag. */
const SCOPES = [`${RULES}/global`, `${RULES}/device/:profileTag`];

const declaration = { auth: 'user', codes: CODES_OF_2015 } as const;
const oneRule = {
  ...declaration,
  paths: SCOPES.map((scope) => `${scope}/:kind/:ruleId`),
  params: Type.Object({
    profileTag: Type.Optional(Type.String({ minLength: 1, maxLength: 32 })),
    kind: Type.String(),
    ruleId: Type.String(),
  }),
} as const;
const part = (name: string) => oneRule.paths.map((path) => `${path}/${name}`);

/** GET /pushrules/ */
const v1AllRules = endpoint(
  { ...declaration, id: 'get_rules', method: 'GET', paths: [RULES, `${RULES}/`] },
  async ({ pushRules }: Needs, { session }) => {
    const { global, device } = await pushRules.all(session.userId);
    return { device: devicesOf(device), global: rulesetOf2015(global) };
  },
);

/** GET /pushrules/device/ */
const v1DeviceRules = endpoint(
  { ...declaration, id: 'get_device_rules', method: 'GET', paths: [`${RULES}/device`, `${RULES}/device/`] },
  async ({ pushRules }: Needs, { session }) => devicesOf((await pushRules.all(session.userId)).device),
);

/** GET /pushrules/{scope}/ */
const v1ScopeRules = endpoint(
  {
    ...declaration,
    id: 'get_scope_rules',
    method: 'GET',
    paths: SCOPES.flatMap((scope) => [scope, `${scope}/`]),
    params: Type.Object({ profileTag: Type.Optional(Type.String()) }),
  },
  async ({ pushRules }: Needs, { session, params }) => {
    const { global, device } = await pushRules.all(session.userId);
    const ruleset = params.profileTag === undefined ? global : device.get(params.profileTag);
    if (!ruleset) throw notFound('There are no push rules for this profile tag');
    return rulesetOf2015(ruleset);
  },
);

/** GET /pushrules/{scope}/{kind}/{ruleId} */
const v1Rule = endpoint({ ...oneRule, id: 'get_rule', method: 'GET' }, async (needs: Needs, request) =>
  ruleOf2015(await ruleOf(needs, request)),
);

/** PUT /pushrules/{scope}/{kind}/{ruleId} */
const v1SetRule = endpoint(
  {
    ...oneRule,
    id: 'set_rule',
    method: 'PUT',
    query: Type.Object({ before: Type.Optional(Type.String()), after: Type.Optional(Type.String()) }),
    body: Type.Unknown(),
  },
  async ({ pushRules }: Needs, { session, params, query, body }) => {
    const kind = parsePushRuleKind(params.kind);
    const rule = isJsonObject(body) ? ruleFrom2015(body) : (body as JsonValue);
    await pushRules.change(
      session.userId,
      (ruleset) => putPushRule(ruleset, kind, params.ruleId, rule, query),
      params.profileTag,
    );
    return {};
  },
);

/** DELETE /pushrules/{scope}/{kind}/{ruleId} */
const v1DeleteRule = endpoint(
  { ...oneRule, id: 'delete_rule', method: 'DELETE' },
  async ({ pushRules }: Needs, { session, params }) => {
    const kind = existingPushRuleKind(params.kind);
    const id = ruleIdToday(params.ruleId);
    await pushRules.change(session.userId, (rules) => deletePushRule(rules, kind, id), params.profileTag);
    return {};
  },
);

/** GET /pushrules/{scope}/{kind}/{ruleId}/enabled */
const v1IsEnabled = endpoint(
  { ...oneRule, paths: part('enabled'), id: 'is_rule_enabled', method: 'GET' },
  async (needs: Needs, request) => ({ enabled: (await ruleOf(needs, request)).enabled }),
);

/** PUT /pushrules/{scope}/{kind}/{ruleId}/enabled: the body is true or false, or an object as today. */
const v1Enable = endpoint(
  { ...oneRule, paths: part('enabled'), id: 'set_rule_enabled', method: 'PUT', body: Type.Unknown() },
  async ({ pushRules }: Needs, { session, params, body }) => {
    const kind = existingPushRuleKind(params.kind);
    const id = ruleIdToday(params.ruleId);
    const value = isJsonObject(body) ? body.enabled : (body as JsonValue);
    await pushRules.change(
      session.userId,
      (ruleset) => setPushRuleEnabled(ruleset, kind, id, value),
      params.profileTag,
    );
    return {};
  },
);

/** GET /pushrules/{scope}/{kind}/{ruleId}/actions, as today. */
const v1Actions = endpoint(
  { ...oneRule, paths: part('actions'), id: 'get_rule_actions', method: 'GET' },
  async (needs: Needs, request) => ({ actions: (await ruleOf(needs, request)).actions }),
);

/** PUT /pushrules/{scope}/{kind}/{ruleId}/actions, as today. */
const v1SetActions = endpoint(
  { ...oneRule, paths: part('actions'), id: 'set_rule_actions', method: 'PUT', body: Type.Unknown() },
  async ({ pushRules }: Needs, { session, params, body }) => {
    if (!isJsonObject(body)) throw badJson('The body must be an object');
    const kind = existingPushRuleKind(params.kind);
    const id = ruleIdToday(params.ruleId);
    const actions = actionsFrom2015(body.actions);
    await pushRules.change(
      session.userId,
      (ruleset) => setPushRuleActions(ruleset, kind, id, actions),
      params.profileTag,
    );
    return {};
  },
);

/** The push rules of all devices, and of those with a profile tag (push.rst of October 2015). */
export const v1PushRules = [
  v1AllRules,
  v1DeviceRules,
  v1ScopeRules,
  v1Rule,
  v1SetRule,
  v1DeleteRule,
  v1IsEnabled,
  v1Enable,
  v1Actions,
  v1SetActions,
] as const;

interface RuleRequest {
  readonly session: { readonly userId: Parameters<PushRules['all']>[0] };
  readonly params: { readonly profileTag?: string; readonly kind: string; readonly ruleId: string };
}

async function ruleOf({ pushRules }: Needs, { session, params }: RuleRequest): Promise<PushRule> {
  const { global, device } = await pushRules.all(session.userId);
  const ruleset = params.profileTag === undefined ? global : device.get(params.profileTag);
  const kind = existingPushRuleKind(params.kind);
  return findPushRule(ruleset ?? NO_PUSH_RULES, kind, ruleIdToday(params.ruleId));
}

function devicesOf(device: ReadonlyMap<string, PushRuleset>): JsonObject {
  return Object.fromEntries([...device].map(([tag, ruleset]) => [tag, rulesetOf2015(ruleset)]));
}

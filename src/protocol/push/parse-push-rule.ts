import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { badJson, invalidParam, notFound } from '../matrix-error.ts';
import { parseMemberCount } from './compile-condition.ts';
import {
  PUSH_RULE_KINDS,
  type PushAction,
  type PushCondition,
  type PushRule,
  type PushRuleKind,
} from './push-rules.ts';

const MAX_RULE_ID_LENGTH = 512;
const MAX_CONDITIONS = 100;
const MAX_ACTIONS = 100;
/** Without a star at either end, which patterns of clients of 2015 are given. */
const MAX_PATTERN_LENGTH = 512;

/** The kind a path names for a rule that is to be there. Throws 404 M_NOT_FOUND for another: it has no rules. */
export function existingPushRuleKind(text: string): PushRuleKind {
  const kind = PUSH_RULE_KINDS.find((known) => known === text);
  if (!kind) throw notFound(`There are no "${text}" push rules; the kinds are ${PUSH_RULE_KINDS.join(', ')}`);
  return kind;
}

/** The kind a path names. Throws 400 M_INVALID_PARAM for another. */
export function parsePushRuleKind(text: string): PushRuleKind {
  const kind = PUSH_RULE_KINDS.find((known) => known === text);
  if (!kind)
    throw invalidParam(`"${text}" is not a kind of push rule; the kinds are ${PUSH_RULE_KINDS.join(', ')}`);
  return kind;
}

/** Checks the ID for a rule of the user's own. Throws 400 M_INVALID_PARAM. */
export function parseUserRuleId(ruleId: string): string {
  if (ruleId === '' || ruleId.length > MAX_RULE_ID_LENGTH) {
    throw invalidParam(`A push rule ID must have 1 to ${MAX_RULE_ID_LENGTH} characters`);
  }
  if (ruleId.startsWith('.')) {
    throw invalidParam(
      'A push rule ID must not start with a dot: those are the IDs of the predefined push rules',
    );
  }
  if (/[/\\]/.test(ruleId)) throw invalidParam('A push rule ID must not contain a slash or a backslash');
  return ruleId;
}

/** What the body of a request says of a rule of that kind. Throws 400 M_BAD_JSON or M_INVALID_PARAM. */
export function parsePushRuleBody(
  kind: PushRuleKind,
  body: JsonValue | undefined,
): Pick<PushRule, 'actions' | 'conditions' | 'pattern'> {
  if (!isJsonObject(body)) throw badJson('A push rule must be an object');
  const actions = parsePushActions(body.actions);
  switch (kind) {
    case 'override':
    case 'postcontent':
    case 'underride':
      return { actions, conditions: parsePushConditions(body.conditions) };
    case 'content':
      return { actions, pattern: parsePattern(body.pattern) };
    case 'room':
    case 'sender':
      return { actions };
  }
}

/**
 * The actions of a request. Those that have no effect are kept, the historical `dont_notify` and `coalesce` among them.
 * Throws 400 M_BAD_JSON.
 */
export function parsePushActions(actions: JsonValue | undefined): PushAction[] {
  if (!Array.isArray(actions) || actions.length > MAX_ACTIONS) {
    throw badJson(`"actions" must be an array of at most ${MAX_ACTIONS} actions`);
  }
  return actions.map(parseAction);
}

/** Throws 400 M_BAD_JSON unless it is a boolean. */
export function parseEnabled(enabled: JsonValue | undefined): boolean {
  if (typeof enabled !== 'boolean') throw badJson('"enabled" must be true or false');
  return enabled;
}

function parseAction(action: JsonValue): PushAction {
  if (typeof action === 'string') return action;
  if (isJsonObject(action) && (action.set_tweak === undefined || typeof action.set_tweak === 'string')) {
    return action;
  }
  throw badJson('An action must be a string or an object whose "set_tweak" is a string');
}

function parsePattern(pattern: JsonValue | undefined): string {
  if (typeof pattern !== 'string' || pattern === '') {
    throw badJson('A content push rule must have a "pattern", a string that is not empty');
  }
  return parsePatternLength(pattern);
}

function parsePatternLength(pattern: string): string {
  if (pattern.replace(/^\*/, '').replace(/\*$/, '').length <= MAX_PATTERN_LENGTH) return pattern;
  throw badJson(`A "pattern" must have at most ${MAX_PATTERN_LENGTH} characters between stars at its ends`);
}

function parsePushConditions(conditions: JsonValue | undefined): PushCondition[] {
  if (conditions === undefined) return [];
  if (!Array.isArray(conditions) || conditions.length > MAX_CONDITIONS) {
    throw badJson(`"conditions" must be an array of at most ${MAX_CONDITIONS} conditions`);
  }
  return conditions.map(parseCondition);
}

function parseCondition(condition: JsonValue): PushCondition {
  if (!isJsonObject(condition) || typeof condition.kind !== 'string') {
    throw badJson('A condition must be an object with a "kind"');
  }
  const { kind } = condition;
  switch (kind) {
    case 'event_match':
      requireString(condition, 'key');
      parsePatternLength(requireString(condition, 'pattern'));
      break;
    case 'event_property_is':
    case 'event_property_contains':
      requireString(condition, 'key');
      requirePlainValue(condition);
      break;
    case 'room_member_count':
      if (!parseMemberCount(requireString(condition, 'is'))) {
        throw badJson(
          '"is" of a room_member_count condition must be a number, optionally after ==, <, >, <= or >=',
        );
      }
      break;
    case 'sender_notification_permission':
      requireString(condition, 'key');
      break;
    case 'profile_tag':
      requireString(condition, 'profile_tag');
      break;
  }
  return { ...condition, kind };
}

function requireString(condition: JsonObject, name: string): string {
  const value = condition[name];
  if (typeof value === 'string') return value;
  throw badJson(`A condition of kind "${String(condition.kind)}" must have a "${name}" that is a string`);
}

function requirePlainValue({ kind, value }: JsonObject): void {
  if (value === undefined || (typeof value === 'object' && value !== null)) {
    throw badJson(
      `A condition of kind "${String(kind)}" must have a "value": a string, integer, boolean or null`,
    );
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw badJson(`The "value" of a condition of kind "${String(kind)}" must be an integer within ±(2^53-1)`);
  }
}

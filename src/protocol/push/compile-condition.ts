import type { Effort, TextTest } from '../glob.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { parsePropertyPath, propertyAt } from '../property-path.ts';
import { compileWholeMatch, compileWordMatch } from './event-match.ts';
import type { PushContext } from './push-event.ts';
import type { PushCondition } from './push-rules.ts';

/** A condition made ready to be asked about many events. It holds for none that it takes more than the effort to look at. */
export type ConditionCheck = (context: PushContext, effort: Effort) => boolean;

const NEVER: ConditionCheck = () => false;

/**
 * Compiles one condition. One that is malformed or of an unknown kind never matches (Client-Server API, "Conditions").
 */
export function compileCondition(condition: PushCondition): ConditionCheck {
  switch (condition.kind) {
    case 'event_match':
      return eventMatch(condition);
    case 'event_property_is':
      return eventPropertyIs(condition);
    case 'event_property_contains':
      return eventPropertyContains(condition);
    case 'room_member_count':
      return roomMemberCount(condition);
    case 'sender_notification_permission':
      return senderNotificationPermission(condition);
    case 'contains_display_name':
      return containsDisplayName();
    case 'profile_tag':
      return profileTag(condition);
    case 'io.element.msc4306.thread_subscription':
      return threadSubscription(condition);
    default:
      return NEVER;
  }
}

/** The condition of a content rule: words of `content.body` match a glob. */
export function compileContentPattern(pattern: string): ConditionCheck {
  const matches = compileWordMatch(pattern);
  return (context, effort) => {
    const body = context.event.loweredBody();
    return body !== undefined && matches(body, effort);
  };
}

function eventMatch({ key, pattern }: JsonObject): ConditionCheck {
  if (typeof key !== 'string' || typeof pattern !== 'string') return NEVER;
  if (key === 'content.body') return compileContentPattern(pattern);
  if (key === 'type') return typeMatch(pattern);
  const matches = compileWholeMatch(pattern);
  const names = parsePropertyPath(key);
  return (context, effort) => {
    const value = propertyAt(context.event.json, names);
    return typeof value === 'string' && spend(effort, value.length) && matches(value.toLowerCase(), effort);
  };
}

/** Most predefined rules look at the type first, so the event keeps it in lower case. */
function typeMatch(pattern: string): ConditionCheck {
  const matches = compileWholeMatch(pattern);
  return (context, effort) => matches(context.event.loweredType, effort);
}

/** Whether there is any effort left for what takes so many steps. */
function spend(effort: Effort, steps: number): boolean {
  const isLeft = effort.left > 0;
  effort.left -= steps;
  return isLeft;
}

function isPlainValue(value: JsonValue | undefined): value is string | number | boolean | null {
  return (
    value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
  );
}

function eventPropertyIs({ key, value }: JsonObject): ConditionCheck {
  if (typeof key !== 'string' || !isPlainValue(value)) return NEVER;
  const names = parsePropertyPath(key);
  return (context) => propertyAt(context.event.json, names) === value;
}

function eventPropertyContains({ key, value }: JsonObject): ConditionCheck {
  if (typeof key !== 'string' || !isPlainValue(value)) return NEVER;
  const names = parsePropertyPath(key);
  return (context, effort) => {
    const list = propertyAt(context.event.json, names);
    return Array.isArray(list) && spend(effort, list.length) && list.includes(value);
  };
}

/** A member count with its comparison, as `room_member_count` has it, or undefined if it is malformed. */
export function parseMemberCount(is: string): { operator: string; count: number } | undefined {
  const found = /^(==|<=|>=|<|>)?([0-9]+)$/.exec(is);
  return found ? { operator: found[1] ?? '==', count: Number(found[2]) } : undefined;
}

function roomMemberCount({ is }: JsonObject): ConditionCheck {
  const parsed = typeof is === 'string' ? parseMemberCount(is) : undefined;
  if (!parsed) return NEVER;
  const { operator, count } = parsed;
  switch (operator) {
    case '<':
      return (context) => context.event.memberCount < count;
    case '>':
      return (context) => context.event.memberCount > count;
    case '<=':
      return (context) => context.event.memberCount <= count;
    case '>=':
      return (context) => context.event.memberCount >= count;
    default:
      return (context) => context.event.memberCount === count;
  }
}

function senderNotificationPermission({ key }: JsonObject): ConditionCheck {
  if (typeof key !== 'string') return NEVER;
  return (context) => context.event.senderMayNotify(key);
}

function threadSubscription({ subscribed }: JsonObject): ConditionCheck {
  if (typeof subscribed !== 'boolean') return NEVER;
  return (context) => context.isThreadSubscribed === subscribed;
}

/** Of 2015: the pusher's profile. What is asked for no pusher, such as counts, it never holds for. */
function profileTag({ profile_tag: tag }: JsonObject): ConditionCheck {
  if (typeof tag !== 'string') return NEVER;
  return (context) => context.profileTag === tag;
}

function containsDisplayName(): ConditionCheck {
  let compiledFor: string | undefined;
  let matches: TextTest = () => false;
  return (context, effort) => {
    const name = context.displayName;
    const body = context.event.loweredBody();
    if (!name || body === undefined) return false;
    if (name !== compiledFor) {
      compiledFor = name;
      matches = compileWordMatch(name, 'literal');
    }
    return matches(body, effort);
  };
}

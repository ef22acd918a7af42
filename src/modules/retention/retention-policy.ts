import type { JsonObject } from '../../protocol/json.ts';

/** What the server allows and does about the age of messages. Times are in ms; undefined for no limit. */
export interface RetentionLimits {
  readonly enabled: boolean;
  /** For rooms that say nothing of it. */
  readonly defaultMaxMs: number | undefined;
  /** What a room says is taken for no less and no more than these. */
  readonly leastMaxMs: number | undefined;
  readonly mostMaxMs: number | undefined;
}

/**
 * How old the messages of a room may become, in ms (MSC1763, `m.room.retention`); undefined for any age.
 *
 * @param content of the room's `m.room.retention`, if it has any.
 */
export function maxLifetime(content: JsonObject | undefined, limits: RetentionLimits): number | undefined {
  const asked = content?.max_lifetime;
  const isValid = typeof asked === 'number' && Number.isSafeInteger(asked) && asked > 0;
  if (!isValid) return limits.defaultMaxMs;
  return Math.min(Math.max(asked, limits.leastMaxMs ?? 0), limits.mostMaxMs ?? Infinity);
}

/** The policy as clients are told of it. */
export function retentionConfiguration(limits: RetentionLimits): JsonObject {
  const { defaultMaxMs, leastMaxMs, mostMaxMs } = limits;
  const bounds: JsonObject = {};
  if (leastMaxMs !== undefined) bounds.min = leastMaxMs;
  if (mostMaxMs !== undefined) bounds.max = mostMaxMs;
  return {
    policies: defaultMaxMs === undefined ? {} : { '*': { max_lifetime: defaultMaxMs } },
    limits: Object.keys(bounds).length === 0 ? {} : { max_lifetime: bounds },
  };
}

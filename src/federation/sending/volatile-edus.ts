import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';

/** Ephemeral data of a moment: who types, what was read, who is there. Lost when it cannot be sent soon. */
export interface VolatileEdu {
  readonly type: string;
  readonly content: JsonObject;
  /** What it tells about: newer data with the same key takes the place of older. */
  readonly key: string;
  /** Data that could contradict each other in one EDU, of those that are put together, is of different groups. */
  readonly group?: string;
}

/** An EDU as it goes into a transaction. */
export interface WireEdu extends JsonObject {
  edu_type: string;
  content: JsonObject;
}

/** Data that waits longer, in milliseconds, is no longer of the moment. */
const LONGEST_MS = 60_000;
const MOST = 1_000;

/** Volatile data for one server. It is bounded: the oldest goes first. */
export class VolatileEdus {
  readonly #waiting = new Map<string, { edu: VolatileEdu; since: number }>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** @param now milliseconds. */
  add(edu: VolatileEdu, now: number): void {
    this.#waiting.delete(edu.key);
    this.#waiting.set(edu.key, { edu, since: now });
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= MOST) break;
      this.#waiting.delete(oldest);
    }
  }

  /** Takes out what is to be sent, at most `limit` EDUs; what was to be told of presence and of receipts is one each and group. */
  take(limit: number, now: number): WireEdu[] {
    const merged = new Map<string, WireEdu>();
    for (const [key, { edu, since }] of this.#waiting) {
      const name = MERGES[edu.type] === undefined ? key : `${edu.type} ${edu.group ?? ''}`;
      const known = merged.get(name);
      if (!known && merged.size >= limit) continue;
      this.#waiting.delete(key);
      if (now - since > LONGEST_MS) continue;
      if (known) known.content = MERGES[edu.type]?.(known.content, edu.content) ?? edu.content;
      else merged.set(name, { edu_type: edu.type, content: edu.content });
    }
    return [...merged.values()];
  }
}

/** How data of one type becomes one EDU. */
const MERGES: Readonly<Record<string, (one: JsonObject, other: JsonObject) => JsonObject>> = {
  'm.presence': (one, other) => joinLists(one, other, ['push', 'poll', 'unpoll']),
  'm.receipt': mergeDeep,
};

function mergeDeep(one: JsonObject, other: JsonObject): JsonObject {
  const merged: JsonObject = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const before = merged[key];
    merged[key] = isJsonObject(before) && isJsonObject(value) ? mergeDeep(before, value) : value;
  }
  return merged;
}

function joinLists(one: JsonObject, other: JsonObject, names: readonly string[]): JsonObject {
  const lists = names.map((name): [string, JsonValue[]] => [
    name,
    [...arrayOf(one[name]), ...arrayOf(other[name])],
  ]);
  return Object.fromEntries(lists.filter(([, list]) => list.length > 0));
}

function arrayOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}

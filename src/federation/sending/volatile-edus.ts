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
/** So much is put together into one EDU: servers drop what one holds beyond some number, this one after 100 people. */
const MOST_TOGETHER = 100;

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

  /**
   * Takes out what is to be sent, at most `limit` EDUs; what was to be told of presence and of receipts is put together,
   * by groups.
   */
  take(limit: number, now: number): WireEdu[] {
    const taken: WireEdu[] = [];
    const open = new Map<string, { wire: WireEdu; holds: number }>();
    for (const [key, { edu, since }] of this.#waiting) {
      const merge = MERGES[edu.type];
      const name = `${edu.type} ${edu.group ?? ''}`;
      const holds = sizeOf(edu);
      const last = open.get(name);
      const known = merge && last && last.holds + holds <= MOST_TOGETHER ? { last, merge } : undefined;
      if (!known && taken.length >= limit) continue;
      this.#waiting.delete(key);
      if (now - since > LONGEST_MS) continue;
      if (known) {
        known.last.wire.content = known.merge(known.last.wire.content, edu.content);
        known.last.holds += holds;
      } else {
        const wire = { edu_type: edu.type, content: edu.content };
        taken.push(wire);
        open.set(name, { wire, holds });
      }
    }
    return taken;
  }
}

const PRESENCE_LISTS = ['push', 'poll', 'unpoll'] as const;

/** How data of one type becomes one EDU. */
const MERGES: Readonly<Record<string, (one: JsonObject, other: JsonObject) => JsonObject>> = {
  'm.presence': (one, other) => joinLists(one, other, PRESENCE_LISTS),
  'm.receipt': mergeDeep,
};

/** Of how many people it tells. */
function sizeOf({ type, content }: VolatileEdu): number {
  if (type !== 'm.presence') return 1;
  return PRESENCE_LISTS.reduce((sum, name) => sum + arrayOf(content[name]).length, 0);
}

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

import { isJsonObject, type JsonValue } from '../../protocol/json.ts';

/** An event's content somewhere in an answer. */
export interface FoundContent {
  readonly at: string;
  readonly type: string;
  readonly content: JsonValue;
}

/** Types whose contents the server makes, or has checked. What clients write into others is theirs. */
const VOUCHED_FOR = new Set([
  'm.fully_read',
  'm.presence',
  'm.push_rules',
  'm.receipt',
  'm.room.canonical_alias',
  'm.room.create',
  'm.room.member',
  'm.room.power_levels',
  'm.room.tombstone',
  'm.tag',
  'm.typing',
]);

/** Where types are what clients call them, those of which the server has the contents checked all the same. */
const OF_CLIENTS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['account_data', new Set(['m.fully_read', 'm.push_rules', 'm.tag'])],
  ['to_device', new Set()],
]);

/** The contents in an answer that the server answers for. What was redacted has lost its content, and is left out. */
export function contentsIn(value: JsonValue): FoundContent[] {
  const found: FoundContent[] = [];
  const visit = (one: JsonValue | undefined, at: string, types: ReadonlySet<string>): void => {
    if (Array.isArray(one)) return one.forEach((inner, i) => visit(inner, `${at}/${i}`, types));
    if (!isJsonObject(one)) return;
    const { type, content, unsigned } = one;
    const redacted = isJsonObject(unsigned) && unsigned.redacted_because !== undefined;
    if (typeof type === 'string' && types.has(type) && isJsonObject(content) && !redacted) {
      found.push({ at: `${at}/content`, type, content });
    }
    for (const [key, inner] of Object.entries(one)) {
      if (key !== 'content') visit(inner, `${at}/${key}`, OF_CLIENTS.get(key) ?? types);
    }
  };
  visit(value, '', VOUCHED_FOR);
  return found;
}

/** A value that JSON can carry (RFC 8259). */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

/** A JSON object. Keys may be absent, hence the `undefined`. */
export interface JsonObject {
  [key: string]: JsonValue | undefined;
}

/** True for a JSON object: neither an array nor null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The texts with commas between them. Unlike `join`, this copies nothing: the engine puts the parts together when the whole
 * is sent.
 */
export function withCommas(texts: readonly string[]): string {
  let all = '';
  for (const text of texts) all = all === '' ? text : `${all},${text}`;
  return all;
}

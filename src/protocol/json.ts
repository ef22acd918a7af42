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

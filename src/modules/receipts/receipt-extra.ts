import type { JsonObject } from '../../protocol/json.ts';

/** Bytes of JSON that are kept of it: a sync shows hundreds of receipts of a room. */
const MOST_BYTES = 1_000;

/** What is said of a receipt beside what the server itself says of it (2015: "extra receipt information"), if anything. */
export function extraOf({ ts: _ts, thread_id: _thread, ...extra }: JsonObject): JsonObject | undefined {
  return Object.keys(extra).length === 0 ? undefined : extra;
}

/** Whether it is more than is kept, which is 1,000 bytes. */
export function isTooMuch(extra: JsonObject): boolean {
  return Buffer.byteLength(JSON.stringify(extra)) > MOST_BYTES;
}

import { isJsonObject, type JsonObject } from '../json.ts';

/** The top-level key of a sticky event, as long as MSC4354 is not part of the specification. */
export const STICKY_KEY = 'msc4354_sticky';

/** The longest time for which an event is sticky, in ms: one hour. */
export const LONGEST_STICKY_MS = 3_600_000;

/** For how long an event says that it is sticky, in ms; undefined where it says nothing that counts. */
export function stickyMsOf(event: JsonObject): number | undefined {
  const sticky = event[STICKY_KEY];
  if (!isJsonObject(sticky)) return undefined;
  const { duration_ms: duration } = sticky;
  const isValid = typeof duration === 'number' && Number.isInteger(duration) && duration >= 0;
  return isValid && duration <= LONGEST_STICKY_MS ? duration : undefined;
}

import { boundedCache } from './bounded-cache.ts';

/** What a caller may ask for: `perSecond` in the long run, `burst` at once. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** Callers remembered for each class. One who is forgotten has a full bucket. */
const CALLERS = 20_000;

/** A token bucket for each class of requests and caller. */
export class RateLimiter<Class extends string> {
  readonly #rates: ReadonlyMap<string, Rate>;
  readonly #buckets = boundedCache<string, Bucket>(CALLERS);
  readonly #now: () => number;

  /** @param now milliseconds. Classes without a rate are not limited. */
  constructor(rates: Partial<Record<Class, Rate>>, now: () => number) {
    this.#rates = new Map(Object.entries(rates) as [string, Rate][]);
    this.#now = now;
  }

  /**
   * Takes one request from a caller's bucket: milliseconds to wait if it is empty.
   *
   * @param cost as how many requests it counts. One that costs more than there is left is paid for afterwards.
   */
  take(limit: Class, caller: string, cost = 1): number | undefined {
    const rate = this.#rates.get(limit);
    if (!rate) return undefined;
    const key = `${limit}\0${caller}`;
    const now = this.#now();
    const bucket = this.#buckets.get(key) ?? { tokens: rate.burst, filledAt: now };
    // A clock that was set back has no time pass: taken off, its step would have to be waited for.
    const passedMs = Math.max(0, now - bucket.filledAt);
    bucket.tokens = Math.min(rate.burst, bucket.tokens + (passedMs / 1000) * rate.perSecond);
    bucket.filledAt = now;
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) return ((1 - bucket.tokens) / rate.perSecond) * 1000;
    bucket.tokens -= cost;
    return undefined;
  }
}

import { LRUCache } from 'lru-cache';
import type { UserId } from '../protocol/identifiers.ts';
import type { Session } from '../wire/session.ts';

/** Access tokens kept in memory, and for how long before they are read again. */
const CACHED = 20_000;
const CACHED_FOR_MS = 60_000;

/** What is known of an access token. */
export interface CachedSession {
  readonly session: Session;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
  /** When it was last written down that the device was seen. */
  seenAt: number;
}

/** Sessions by their access token, for a while; those of a user are forgotten together. */
export class SessionCache {
  readonly #cache = new LRUCache<string, CachedSession>({
    maxSize: CACHED,
    sizeCalculation: () => 1,
    ttl: CACHED_FOR_MS,
    dispose: ({ session }, token) => this.#unindex(session.userId, token),
  });
  /** The tokens in the cache by user. */
  readonly #tokensOf = new Map<UserId, Set<string>>();

  get(token: string): CachedSession | undefined {
    return this.#cache.get(token);
  }

  keep(token: string, cached: CachedSession): void {
    const { userId } = cached.session;
    this.#cache.set(token, cached);
    const tokens = this.#tokensOf.get(userId);
    if (tokens) tokens.add(token);
    else this.#tokensOf.set(userId, new Set([token]));
  }

  forget(userId: UserId): void {
    for (const token of [...(this.#tokensOf.get(userId) ?? [])]) this.#cache.delete(token);
  }

  forgetAll(): void {
    this.#cache.clear();
  }

  #unindex(userId: UserId, token: string): void {
    const tokens = this.#tokensOf.get(userId);
    tokens?.delete(token);
    if (tokens?.size === 0) this.#tokensOf.delete(userId);
  }
}

import { LRUCache } from 'lru-cache';
import type { UserId } from '../protocol/identifiers.ts';
import type { Change, Database } from '../storage/database.ts';
import { ReadCache } from '../storage/read-cache.ts';
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
  readonly #cache: ReadCache<string, CachedSession>;
  /** The tokens in the cache by user. */
  readonly #tokensOf = new Map<UserId, Set<string>>();

  constructor(database: Database) {
    const entries = new LRUCache<string, CachedSession>({
      maxSize: CACHED,
      sizeCalculation: () => 1,
      ttl: CACHED_FOR_MS,
      onInsert: ({ session }, token) => this.#index(session.userId, token),
      dispose: ({ session }, token) => this.#unindex(session.userId, token),
    });
    this.#cache = new ReadCache(database, entries, (change) => this.#outdated(change));
  }

  /** Whoever a token stands for. */
  get(token: string, read: () => Promise<CachedSession>): CachedSession | Promise<CachedSession> {
    return this.#cache.get(token, read);
  }

  #outdated({ topic, users }: Change): readonly string[] {
    if (topic !== 'session') return [];
    // Whose the tokens are that are just being read is not known yet.
    this.#cache.outdateReads();
    return users.flatMap((userId) => [...(this.#tokensOf.get(userId) ?? [])]);
  }

  #index(userId: UserId, token: string): void {
    const tokens = this.#tokensOf.get(userId);
    if (tokens) tokens.add(token);
    else this.#tokensOf.set(userId, new Set([token]));
  }

  #unindex(userId: UserId, token: string): void {
    const tokens = this.#tokensOf.get(userId);
    tokens?.delete(token);
    if (tokens?.size === 0) this.#tokensOf.delete(userId);
  }
}

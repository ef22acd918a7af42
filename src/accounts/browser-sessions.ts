import type { UserId } from '../protocol/identifiers.ts';
import * as browserSessionsStore from '../storage/accounts/browser-sessions-store.ts';
import type { Database } from '../storage/database.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import { tokenHash } from './token-hash.ts';

/** Milliseconds that somebody stays signed in with a browser. */
export const BROWSER_SESSION_MS = 7 * 24 * 3_600_000;
/** Milliseconds after signing in in which grave things may be done. */
const FRESH_MS = 10 * 60_000;

/** Who is signed in with a browser. */
export interface BrowserSession {
  readonly userId: UserId;
  /** Whether they proved who they are a short time ago. */
  readonly isFresh: boolean;
}

/** People who are signed in to this server's own pages with a browser. */
export class BrowserSessions {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;

  constructor(database: Database, clock: { now(): number }, opaque: (length: number) => string) {
    this.#database = database;
    this.#clock = clock;
    this.#opaque = opaque;
  }

  /** Something that a browser can be known by; it says nothing of anybody until `open`. */
  newToken(): string {
    return this.#opaque(40);
  }

  /** Who is signed in with the browser that has this token, if anybody is. */
  async byToken(token: string): Promise<BrowserSession | undefined> {
    const now = this.#clock.now();
    const row = await browserSessionsStore.byHash(this.#database, tokenHash(token), now);
    if (!row) return undefined;
    return { userId: row.user_id as UserId, isFresh: now - row.authenticated_at < FRESH_MS };
  }

  /** Signs somebody in who proved who they are. Gives the browser another token, and takes the one that it had. */
  async open(userId: UserId, replaced: string): Promise<string> {
    const token = this.newToken();
    const now = this.#clock.now();
    const unit = new UnitOfWork();
    browserSessionsStore.remove(unit, tokenHash(replaced));
    browserSessionsStore.add(unit, {
      hash: tokenHash(token),
      userId,
      authenticatedAt: now,
      expiresAt: now + BROWSER_SESSION_MS,
    });
    await this.#database.commit(unit);
    return token;
  }

  /** Signs out. */
  async close(token: string): Promise<void> {
    const unit = new UnitOfWork();
    browserSessionsStore.remove(unit, tokenHash(token));
    await this.#database.commit(unit);
  }
}

import type { UserId } from '../../protocol/identifiers.ts';
import * as resetsStore from '../../storage/encryption/cross-signing-resets-store.ts';
import type { Database } from '../../storage/database.ts';
import { commitIfFirst } from '../../storage/guarded-commit.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { Session } from '../../wire/session.ts';
import type { Accounts } from '../accounts.ts';
import { StageRefused, type InteractiveAuth, type Stage } from '../interactive-auth.ts';
import { CROSS_SIGNING_RESET, accountPage } from './account-actions.ts';

/** Milliseconds in which the keys can be replaced after the user allowed it. */
const ALLOWED_FOR_MS = 10 * 60_000;

/** Whether somebody may replace their cross-signing keys (Client-Server API, "OAuth authentication"). */
export class CrossSigningResets {
  readonly #database: Database;
  readonly #accounts: Accounts;
  readonly #interactive: InteractiveAuth;
  readonly #clock: { now(): number };

  constructor(needs: {
    database: Database;
    accounts: Accounts;
    interactive: InteractiveAuth;
    clock: { now(): number };
  }) {
    this.#database = needs.database;
    this.#accounts = needs.accounts;
    this.#interactive = needs.interactive;
    this.#clock = needs.clock;
  }

  /** The user allows it on the account page: once, within ten minutes. */
  async allow(userId: UserId): Promise<void> {
    const unit = new UnitOfWork();
    resetsStore.allow(unit, userId, this.#clock.now() + ALLOWED_FOR_MS);
    await this.#database.commit(unit);
  }

  /**
   * Lets the request through when the user allowed it on the account page, or, in the legacy API, when they prove who they
   * are.
   *
   * @throws MatrixError 401 with what to do.
   */
  async confirm(session: Session, auth: unknown, baseUrl: string): Promise<void> {
    const purpose = 'replace the cross-signing keys';
    if (session.oauthClient === undefined) return this.#accounts.confirm(session, purpose, auth);
    if (await this.#use(session.userId)) return;
    const stage: Stage = {
      type: 'm.oauth',
      params: { url: accountPage(baseUrl, CROSS_SIGNING_RESET) },
      check: () => Promise.reject(new StageRefused('Open the page of this stage, and allow it there')),
    };
    await this.#interactive.prove(
      { purpose: `${purpose} ${session.userId}`, flows: [[stage.type]], stages: [stage] },
      auth,
    );
  }

  async #use(userId: UserId): Promise<boolean> {
    const unit = new UnitOfWork();
    resetsStore.use(unit, userId, this.#clock.now());
    return commitIfFirst(this.#database, unit);
  }
}

import { createHash } from 'node:crypto';
import type { JsonObject } from '../protocol/json.ts';
import * as store from '../storage/accounts/client-transactions-store.ts';
import type { Database, Writer } from '../storage/database.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import type { Session } from '../wire/session.ts';

/** Answers are kept this long, in ms: nobody tries a request again after that. */
const REMEMBERED_MS = 7 * 24 * 60 * 60 * 1_000;
const FORGET_EVERY = 1_000;

/** Adds the answer to the unit of work that does what was asked, so that neither is there without the other. */
export type Remember<Answer> = (unit: Writer, answer: Answer) => void;

/**
 * Requests that are done once, however often a device sends them ("sect:txn_ids" of the specification of 2015). Messages and
 * redactions, which have an event to be remembered by, are not among them.
 */
export class ClientTransactions {
  readonly #database: Database;
  readonly #clock: { now(): number };
  /** Requests under way, so that a retry waits for the first. */
  readonly #underWay = new Map<string, Promise<JsonObject>>();
  #answered = 0;

  constructor(database: Database, clock: { now(): number }) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * Does what was asked, or gives what the same request of the same device was answered before.
   *
   * @param scope - What names the request: the operation, what it is about, and the transaction ID.
   * @param run - Does it. Where doing it twice would show, it must hand the unit that does it to `remember`; elsewhere
   *   the answer is remembered afterwards.
   */
  async once<Answer extends JsonObject>(
    { userId, deviceId, deviceMadeAt }: Pick<Session, 'userId' | 'deviceId' | 'deviceMadeAt'>,
    scope: readonly string[],
    run: (remember: Remember<Answer>) => Promise<Answer>,
  ): Promise<Answer> {
    const key = createHash('sha256')
      .update(JSON.stringify([userId, deviceId ?? '', deviceMadeAt, ...scope]))
      .digest();
    const name = key.toString('latin1');
    let running = this.#underWay.get(name);
    if (!running) {
      running = this.#run(key, run).finally(() => this.#underWay.delete(name));
      this.#underWay.set(name, running);
    }
    return running as Promise<Answer>;
  }

  async #run<Answer extends JsonObject>(
    key: Uint8Array,
    run: (remember: Remember<Answer>) => Promise<Answer>,
  ): Promise<Answer> {
    const before = await store.answerTo(this.#database, key);
    if (before !== undefined) return JSON.parse(before) as Answer;
    let isRemembered = false;
    const remember: Remember<Answer> = (unit, answer) => {
      isRemembered = true;
      store.remember(unit, key, { answer: JSON.stringify(answer), at: this.#clock.now() });
      this.#forgetSometimes(unit);
    };
    try {
      const answer = await run(remember);
      if (isRemembered) return answer;
      const unit = new UnitOfWork();
      remember(unit, answer);
      await this.#database.commit(unit);
      return answer;
    } catch (error) {
      const first = await store.answerTo(this.#database, key);
      if (first === undefined) throw error;
      return JSON.parse(first) as Answer;
    }
  }

  #forgetSometimes(unit: Writer): void {
    this.#answered += 1;
    if (this.#answered % FORGET_EVERY !== 1) return;
    store.forgetBefore(unit, this.#clock.now() - REMEMBERED_MS);
  }
}

import { MOST_EDUS, MOST_PDUS } from '../receiving/transaction-receiver.ts';

/** How much the next transaction for one server may hold: less while something on the way takes none as large. */
export class TransactionSize {
  #pdus = MOST_PDUS;
  #edus = MOST_EDUS;
  #isEduFirst = false;

  get pdus(): number {
    return this.#pdus;
  }

  get edus(): number {
    return this.#edus;
  }

  /**
   * One was too large, or holds what the server does not take: the next ones hold half of what it held. Of an event and an
   * EDU now the one comes alone and now the other. False where that was one thing only.
   */
  halve({ pdus, edus }: { readonly pdus: number; readonly edus: number }): boolean {
    if (pdus + edus <= 1) return false;
    this.#pdus = Math.max(pdus >> 1, 1);
    this.#edus = Math.max(edus >> 1, 1);
    if (pdus !== 1 || edus !== 1) return true;
    if (this.#isEduFirst) this.#pdus = 0;
    else this.#edus = 0;
    this.#isEduFirst = !this.#isEduFirst;
    return true;
  }

  /** One was taken: the next may hold twice as much, up to what the specification lets one hold. */
  grow(): void {
    this.#pdus = Math.min(Math.max(this.#pdus * 2, 1), MOST_PDUS);
    this.#edus = Math.min(Math.max(this.#edus * 2, 1), MOST_EDUS);
  }
}

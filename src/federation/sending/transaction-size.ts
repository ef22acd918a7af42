import { MOST_EDUS, MOST_PDUS } from '../receiving/transaction-receiver.ts';

/** How much the next transaction for one server may hold: less while something on the way takes none as large. */
export class TransactionSize {
  #pdus = MOST_PDUS;
  #edus = MOST_EDUS;

  get pdus(): number {
    return this.#pdus;
  }

  get edus(): number {
    return this.#edus;
  }

  /** One was too large: the next ones hold half of what it held. False where that was one thing only. */
  halve({ pdus, edus }: { readonly pdus: number; readonly edus: number }): boolean {
    if (pdus + edus <= 1) return false;
    this.#pdus = Math.max(pdus >> 1, 1);
    this.#edus = Math.max(edus >> 1, 1);
    return true;
  }

  /** One was taken: the next may hold twice as much, up to what the specification lets one hold. */
  grow(): void {
    this.#pdus = Math.min(this.#pdus * 2, MOST_PDUS);
    this.#edus = Math.min(this.#edus * 2, MOST_EDUS);
  }
}

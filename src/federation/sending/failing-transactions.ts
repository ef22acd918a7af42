import { countOf, type OutgoingTransaction } from './outgoing-transaction.ts';

/** Failures in a row after which what a server is sent may be why it fails. */
const SUSPICIOUS = 5;
/** Failures in a row of a server that has taken an empty transaction, after which it must be. */
const ENOUGH = 3;
/** How long one event or EDU may hold up what comes after it, in milliseconds. */
const LONGEST_MS = 3_600_000;

/**
 * Whether it is what a server is sent that has its answers fail, time and again, and not the server: there are those that
 * fail at one odd event, and things on the way that take a message for an attack. Whoever takes an empty transaction, and
 * not one with something in it, is thought to be such a server.
 */
export class FailingTransactions {
  #count = 0;
  /** The first that failed: when (milliseconds), and up to which positions it goes. */
  #first: { readonly at: number; readonly events: number; readonly edus: number } | undefined;
  /** When an empty transaction was taken since then, in milliseconds. */
  #provenAt: number | undefined;

  /** Whether to find out if the server takes an empty transaction. */
  needsProof(transaction: OutgoingTransaction, now: number): boolean {
    if (!this.#first) return false;
    if (this.#provenAt === undefined) return this.#count >= SUSPICIOUS;
    const lostFrom = this.#first.at + LONGEST_MS;
    return countOf(transaction) <= 1 && now >= lostFrom && this.#provenAt < lostFrom;
  }

  /** The server was sent an empty transaction. */
  proved(isTaken: boolean, now: number): void {
    this.#provenAt = isTaken ? now : undefined;
    this.#count = 0;
  }

  /**
   * A transaction failed. Gives whether the transaction is to blame: then its parts are tried. One thing by itself gets more
   * time, for it is lost.
   */
  failed(transaction: OutgoingTransaction, now: number): boolean {
    const { events = 0, edus = 0 } = transaction;
    this.#first ??= { at: now, events, edus };
    this.#count += 1;
    if (this.#provenAt === undefined || this.#count < ENOUGH) return false;
    return countOf(transaction) > 1 || this.#provenAt >= this.#first.at + LONGEST_MS;
  }

  /** The server has taken, or will never be sent, what lies up to these positions. */
  passed(upTo: { readonly events: number; readonly edus: number }): void {
    if (!this.#first || upTo.events < this.#first.events || upTo.edus < this.#first.edus) return;
    [this.#count, this.#first, this.#provenAt] = [0, undefined, undefined];
  }
}

import { KeyedTaskQueue } from '../../platform/keyed-task-queue.ts';
import { QueueFull } from '../../platform/task-queue.ts';
import type { ServerName } from '../../protocol/identifiers.ts';

/** Servers that are asked for keys at once for what one server sent, and what may wait for it. */
export const MOST_AT_ONCE = 20;
const MOST_WAITING = 10_000;

/**
 * Asks for the keys of other servers that what one server sends is said to be signed with: some at once for each sender. It
 * can name as many servers as it likes, also such as never answer or never were.
 */
export class KeyTurns {
  readonly #queue = new KeyedTaskQueue<ServerName>({ atOnce: MOST_AT_ONCE, waiting: MOST_WAITING });
  readonly #waiting = new Map<string, Promise<void>>();

  /**
   * Asks once it is its turn; for the same key of what the same server sent once only.
   *
   * @param of the server whose key it is: the sender's own key waits for nothing.
   * @returns when it is done, or at once where too much waits: then nobody was asked.
   */
  async run(sentBy: ServerName, of: ServerName, keyId: string, ask: () => Promise<void>): Promise<void> {
    if (sentBy === of) return ask();
    const name = `${sentBy} ${of} ${keyId}`;
    const known = this.#waiting.get(name);
    if (known) return known;
    const turn = this.#turn(sentBy, ask).finally(() => this.#waiting.delete(name));
    this.#waiting.set(name, turn);
    return turn;
  }

  async #turn(sentBy: ServerName, ask: () => Promise<void>): Promise<void> {
    try {
      await this.#queue.run(sentBy, ask);
    } catch (error) {
      if (!(error instanceof QueueFull)) throw error;
    }
  }
}

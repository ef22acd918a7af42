import { KeyedTaskQueue } from '../../platform/keyed-task-queue.ts';
import { QueueFull } from '../../platform/task-queue.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import { tooManyRequests } from '../../wire/register-endpoints.ts';

/** When a server may ask again that asked for too much at once, in milliseconds. */
const WAIT_MS = 1_000;

/** Works out answers that may be much: for each server some at once, while others of it wait. */
export class ServerTurns {
  readonly #queue: KeyedTaskQueue<ServerName>;

  /** @param limits answers for one server that are worked out at once, and that may wait. */
  constructor(limits: { readonly atOnce: number; readonly waiting: number }) {
    this.#queue = new KeyedTaskQueue(limits);
  }

  /** @throws MatrixError 429 M_LIMIT_EXCEEDED where the server has asked for too much already. */
  async run<Result>(server: ServerName, work: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#queue.run(server, work);
    } catch (error) {
      throw error instanceof QueueFull ? tooManyRequests(WAIT_MS) : error;
    }
  }
}

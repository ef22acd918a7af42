import type { ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';

/** Takes in one ephemeral message of a server. Whatever is wrong with it, it is dropped. */
export type EduHandler = (origin: ServerName, content: JsonObject) => Promise<void>;

/** What takes in which type of ephemeral data (Server-Server API, "EDUs"). */
export class EduHandlers {
  readonly #handlers = new Map<string, EduHandler>();
  readonly #onProblem: (error: unknown) => void;

  /** @param onProblem takes what a handler throws that says nothing against the content. */
  constructor(onProblem: (error: unknown) => void) {
    this.#onProblem = onProblem;
  }

  /** Registers the handler of a type. There is one for each. */
  on(type: string, handler: EduHandler): void {
    if (this.#handlers.has(type)) throw new Error(`There are two handlers for EDUs of type ${type}`);
    this.#handlers.set(type, handler);
  }

  /** Hands one over. Types that nobody knows, and content that its handler refuses or fails at, are dropped. */
  async take(origin: ServerName, type: string, content: JsonObject): Promise<void> {
    try {
      await this.#handlers.get(type)?.(origin, content);
    } catch (error) {
      // Thrown on, it would have the server send the same transaction again, and nothing else, for ever.
      if (!(error instanceof MatrixError)) this.#onProblem(error);
    }
  }
}

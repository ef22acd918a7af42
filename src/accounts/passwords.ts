import { QueueFull, TaskQueue } from '../platform/task-queue.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import { tooManyRequests } from '../wire/register-endpoints.ts';

/** What a password hash costs (Argon2id). */
export interface HashCost {
  /** Memory in KiB. */
  readonly memoryKib: number;
  readonly iterations: number;
}

const LONGEST = 512;
/** Hashes made at the same time: half of the runtime's threads, of which the others sync the disk and read files. */
const AT_ONCE = 2;
/** Requests that may wait for a hash: at the default cost the last of them does for some five seconds. */
const MOST_WAITING = 1_000;

/** When to come again, in milliseconds, if as many wait already as may. */
const WAIT_MS = 5_000;

/** Hashes and checks passwords, off the event loop. */
export class Passwords {
  readonly #cost: HashCost;
  readonly #minLength: number;
  readonly #queue = new TaskQueue({ atOnce: AT_ONCE, waiting: MOST_WAITING });
  #dummy: Promise<string> | undefined;

  /** @param minLength characters that a new password must have. */
  constructor(cost: HashCost, minLength: number) {
    this.#cost = cost;
    this.#minLength = minLength;
  }

  /**
   * The hash to keep.
   *
   * @throws MatrixError 400 M_WEAK_PASSWORD for one that is too short or too long; 429 M_LIMIT_EXCEEDED where too many wait.
   */
  async hash(password: string): Promise<string> {
    this.assertAcceptable(password);
    return this.#hash(password);
  }

  /** @throws MatrixError 400 M_WEAK_PASSWORD for a password that is too short or too long. */
  assertAcceptable(password: string): void {
    if (password.length < this.#minLength || password.length > LONGEST) {
      throw new MatrixError(
        400,
        'M_WEAK_PASSWORD',
        `A password must have ${this.#minLength} to ${LONGEST} characters`,
      );
    }
  }

  /**
   * Whether the password is the one of the hash. Takes as long when there is no hash: who asks must not learn it.
   *
   * @throws MatrixError 429 M_LIMIT_EXCEEDED where too many wait for a hash.
   */
  async matches(password: string, kept: string | null | undefined): Promise<boolean> {
    const { verify } = await import('@node-rs/argon2');
    if (password.length > LONGEST) return false;
    this.#dummy ??= this.#hash('nobody has this password');
    const compared = kept ?? (await this.#dummy);
    const isRight = await this.#inTurn(() => verify(compared, password));
    return isRight && typeof kept === 'string';
  }

  /**
   * The hash to keep from now on of a password that was found to be right; undefined while the one that is kept was made at
   * the cost that is configured.
   */
  async renewed(password: string, kept: string): Promise<string | undefined> {
    const { memoryKib, iterations } = this.#cost;
    return kept.includes(`$m=${memoryKib},t=${iterations},p=1$`) ? undefined : this.#hash(password);
  }

  async #hash(password: string): Promise<string> {
    const { hash } = await import('@node-rs/argon2');
    const cost = { memoryCost: this.#cost.memoryKib, timeCost: this.#cost.iterations, parallelism: 1 };
    return this.#inTurn(() => hash(password, cost));
  }

  async #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#queue.run(task);
    } catch (error) {
      throw error instanceof QueueFull ? tooManyRequests(WAIT_MS) : error;
    }
  }
}

import { takeBreaches } from '../contract/checked-traffic.ts';
import type { FuzzRequest } from './fuzz-request.ts';
import type { RawAnswer, RawClient } from './raw-client.ts';
import type { WriteWatch } from './written.ts';

/** No request may take longer, in milliseconds. */
const DEADLINE_MS = 10_000;
/**
 * How often in a row a request must be seen to write: the index of searches is written some thirty times a second when
 * it is behind.
 */
const TIMES_SEEN = 20;

/** Sends requests and collects what was wrong with how the server took them. */
export class Judge {
  readonly faults: string[] = [];
  readonly #client: RawClient;
  readonly #writes: WriteWatch;
  #mark: string | undefined;
  #asked = 0;

  constructor(client: RawClient, writes: WriteWatch) {
    this.#client = client;
    this.#writes = writes;
  }

  async try(request: FuzzRequest, round: number): Promise<void> {
    const fault = await this.#faultOf(request);
    if (fault === undefined) return;
    const { method, path, headers, body } = request;
    const shown = body === undefined ? '' : body.toString().slice(0, 400);
    this.faults.push(
      `round ${round}: ${method} ${path.slice(0, 400)} ${JSON.stringify(headers).slice(0, 300)} ${shown}: ${fault}`,
    );
  }

  async #faultOf(request: FuzzRequest): Promise<string | undefined> {
    this.#asked += 1;
    const isWatched = this.#asked % this.#writes.every === 0;
    if (isWatched) this.#mark ??= await this.#writes.mark();
    let answer: RawAnswer;
    try {
      answer = await this.#client.ask(request, DEADLINE_MS);
    } catch (error) {
      // A server may stop reading what is too large, and answer into a connection that is being closed.
      const isCut = error instanceof Error && /ECONNRESET|EPIPE|socket hang up/.test(error.message);
      return isCut && (request.body?.length ?? 0) > 1_000_000 ? undefined : String(error);
    }
    const wrong =
      wrongIn(request.path, answer) ?? takeBreaches().find((breach) => breach.includes(': the answer'));
    if (wrong !== undefined) return wrong;
    if (!isWatched || !isRefused(answer)) {
      this.#mark = undefined;
      return undefined;
    }
    const now = await this.#writes.mark();
    const isSame = now === this.#mark;
    this.#mark = now;
    return isSame || !(await this.#writesAgain(request))
      ? undefined
      : `refused with ${answer.status}, but wrote`;
  }

  /** Something else may have been written meanwhile, such as when a device was seen: only what happens again counts. */
  async #writesAgain(request: FuzzRequest): Promise<boolean> {
    for (let i = 0; i < TIMES_SEEN; i++) {
      const before = await this.#writes.contents();
      await this.#client.ask(request, DEADLINE_MS);
      this.#mark = await this.#writes.mark();
      if ((await this.#writes.contents()) === before) return false;
    }
    return true;
  }
}

/** Interactive authentication keeps a session when it asks for more (401). */
function isRefused({ status }: RawAnswer): boolean {
  return status >= 400 && status !== 401;
}

function wrongIn(path: string, { status, type, body }: RawAnswer): string | undefined {
  if (status === 500 || status < 200) return `${status} ${body}`;
  if (status < 400 || !type.startsWith('application/json')) return undefined;
  const error = JSON.parse(body) as { errcode?: unknown; error?: unknown; flows?: unknown };
  // OAuth has errors of its own (RFC 6749, 5.2).
  const isNamed = typeof error.errcode === 'string' || !path.startsWith('/_matrix/');
  const isStandard = isNamed && typeof error.error === 'string';
  return isStandard || error.flows !== undefined ? undefined : `${status} without errcode: ${body}`;
}

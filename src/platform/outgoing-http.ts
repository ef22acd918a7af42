import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { Agent, Dispatcher } from 'undici';
import { AddressBlocked, ReachableAddresses, type Lookup } from './reachable-addresses.ts';

/** Why a request to another machine did not succeed. */
export type OutgoingFailure = 'bad-url' | 'blocked' | 'timeout' | 'too-large' | 'unreachable';

/** A request to another machine got no answer that can be used. An answer with an error status is no such failure. */
export class OutgoingError extends Error {
  readonly reason: OutgoingFailure;

  constructor(reason: OutgoingFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OutgoingError';
    this.reason = reason;
  }
}

/** A request to another machine. */
export interface OutgoingRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  /** An `http:` or `https:` address. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Milliseconds for the whole of it, redirects included. */
  readonly timeoutMs: number;
  /** Most bytes of the answer's body that are taken. */
  readonly maxBytes: number;
  /** What becomes of a longer body: the request fails, as by default, or the rest of it is not read. */
  readonly whenTooLarge?: 'fail' | 'cut';
  /** Redirects that are followed, for GET and HEAD; none by default. */
  readonly maxRedirects?: number;
  /** Whether the connection is kept open for a while, for whatever is asked next, as by default. */
  readonly keepOpen?: boolean;
  readonly signal?: AbortSignal;
}

/** What came back, without the body. */
export interface OutgoingAnswerHead {
  readonly status: number;
  /** Names in lower case; of a header given more than once, the first. */
  readonly headers: Readonly<Record<string, string>>;
  /** The address that answered, after redirects. */
  readonly url: string;
}

/** What came back. */
export interface OutgoingAnswer extends OutgoingAnswerHead {
  readonly body: Buffer;
}

/**
 * Asks other machines over HTTP, safe against being used to reach what only this server can reach: a name is resolved
 * once and the connection goes to an address that was checked; redirects are checked anew; time and size are limited.
 */
export class OutgoingHttp {
  /** Which addresses it connects to. */
  readonly reach: ReachableAddresses;
  /** What its TLS connections trust; undefined for the authorities that the runtime knows. */
  readonly trust: SecureContext | undefined;
  #agent: Promise<Agent> | undefined;

  /** @param options.allowedRanges CIDR ranges that may be reached although they are not on the open internet. */
  constructor(options: {
    allowedRanges: readonly string[];
    lookup?: Lookup;
    trust?: SecureContext | undefined;
  }) {
    this.reach = new ReachableAddresses(options.allowedRanges, options.lookup);
    this.trust = options.trust;
  }

  /**
   * Sends a request and reads the answer.
   *
   * @throws OutgoingError when there is none, or none that may be taken.
   */
  async request(wanted: OutgoingRequest): Promise<OutgoingAnswer> {
    return this.#asking(wanted, async (response, head, timeout) => {
      const body = await readBody(response.body, wanted).catch((error: unknown) => {
        throw translate(error, timeout);
      });
      return { ...head, body };
    });
  }

  /**
   * As `request`, for bodies that are not to be held in memory: `read` gets the body as it comes, has to mind its size, and
   * may not leave it before its end without destroying it. What it fails with comes out as it is.
   */
  async stream<Result>(
    wanted: Omit<OutgoingRequest, 'maxBytes' | 'whenTooLarge'>,
    read: (head: OutgoingAnswerHead, body: Readable) => Promise<Result>,
  ): Promise<Result> {
    return this.#asking(wanted, (response, head) => read(head, response.body));
  }

  /** Closes connections that are kept open. */
  async close(): Promise<void> {
    await (await this.#agent)?.close();
  }

  async #asking<Result>(
    wanted: Omit<OutgoingRequest, 'maxBytes'>,
    read: (
      response: Dispatcher.ResponseData,
      head: OutgoingAnswerHead,
      timeout: AbortSignal,
    ) => Promise<Result>,
  ): Promise<Result> {
    const timeout = AbortSignal.timeout(wanted.timeoutMs);
    const signal = wanted.signal ? AbortSignal.any([timeout, wanted.signal]) : timeout;
    let url = wanted.url;
    for (let left = wanted.maxRedirects ?? 0; ; left--) {
      const { response, head } = await this.#once(wanted, url, signal).catch((error: unknown) => {
        throw translate(error, timeout);
      });
      const target = redirect(wanted, head);
      if (target === undefined || left <= 0) return read(response, head, timeout);
      response.body.destroy();
      url = target;
    }
  }

  async #once(
    wanted: Omit<OutgoingRequest, 'maxBytes'>,
    address: string,
    signal: AbortSignal,
  ): Promise<{ response: Dispatcher.ResponseData; head: OutgoingAnswerHead }> {
    const url = this.#checkUrl(address);
    const { request } = await import('undici');
    this.#agent ??= this.#makeAgent();
    const response = await request(url, {
      method: wanted.method,
      headers: { ...wanted.headers },
      body: wanted.body ?? null,
      reset: wanted.keepOpen === false,
      dispatcher: await this.#agent,
      signal,
    });
    const { statusCode: status, headers } = response;
    // Whoever reads the body is told of its errors; a body that is destroyed unread has nobody to tell.
    response.body.on('error', () => undefined);
    return { response, head: { status, headers: firstOfEach(headers), url: url.href } };
  }

  #checkUrl(address: string): URL {
    if (!URL.canParse(address)) throw new OutgoingError('bad-url', 'This is no address');
    const url = new URL(address);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new OutgoingError('bad-url', 'Only http: and https: addresses can be asked');
    }
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !this.reach.allows(host)) throw new AddressBlocked(host);
    return url;
  }

  async #makeAgent(): Promise<Agent> {
    const { Agent } = await import('undici');
    return new Agent({
      connect: {
        lookup: this.reach.lookup,
        timeout: 10_000,
        ...(this.trust === undefined ? {} : { secureContext: this.trust }),
      },
      keepAliveTimeout: 10_000,
      // Machines that are connected to count against the most there may be: none stays for as long as it likes.
      keepAliveMaxTimeout: 10_000,
      maxOrigins: 1_000,
      connections: 32,
    });
  }
}

async function readBody(source: Readable, { maxBytes, whenTooLarge }: OutgoingRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += (chunk as Buffer).length;
    chunks.push(chunk as Buffer);
    if (size <= maxBytes) continue;
    if (whenTooLarge === 'cut') break;
    throw new OutgoingError('too-large', `The answer is larger than ${maxBytes} bytes`);
  }
  return Buffer.concat(chunks, Math.min(size, maxBytes));
}

function firstOfEach(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) found[name.toLowerCase()] = first;
  }
  return found;
}

/** Where an answer sends us on to, if it does and may. */
function redirect(wanted: Pick<OutgoingRequest, 'method'>, answer: OutgoingAnswerHead): string | undefined {
  const { location } = answer.headers;
  if (wanted.method !== 'GET' && wanted.method !== 'HEAD') return undefined;
  if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return undefined;
  return URL.canParse(location, answer.url) ? new URL(location, answer.url).href : undefined;
}

function translate(error: unknown, timeout: AbortSignal): OutgoingError {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OutgoingError) return cause;
    if (cause instanceof AddressBlocked) return new OutgoingError('blocked', cause.message, { cause: error });
    if (
      /timeout/i.test(cause.name) ||
      /TIMEOUT|ETIMEDOUT/.test((cause as NodeJS.ErrnoException).code ?? '')
    ) {
      return new OutgoingError('timeout', 'The other side did not answer in time', { cause: error });
    }
  }
  if (timeout.aborted)
    return new OutgoingError('timeout', 'The other side did not answer in time', { cause: error });
  return new OutgoingError('unreachable', 'The other side cannot be reached', { cause: error });
}

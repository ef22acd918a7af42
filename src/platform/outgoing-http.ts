import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Agent, Dispatcher } from 'undici';

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
  readonly signal?: AbortSignal;
}

/** What came back. */
export interface OutgoingAnswer {
  readonly status: number;
  /** Names in lower case; of a header given more than once, the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The address that answered, after redirects. */
  readonly url: string;
}

type Lookup = typeof systemLookup;

/** Kinds of addresses on the open internet, by `ipaddr.js`. Everything else is refused unless it is allowed. */
const OPEN = 'unicast';

/**
 * Asks other machines over HTTP, safe against being used to reach what only this server can reach: a name is resolved
 * once and the connection goes to an address that was checked; redirects are checked anew; time and size are limited.
 */
export class OutgoingHttp {
  readonly #allowed: readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];
  readonly #lookup: Lookup;
  #agent: Promise<Agent> | undefined;

  /** @param allowedRanges CIDR ranges that may be reached although they are not on the open internet. */
  constructor(options: { allowedRanges: readonly string[]; lookup?: Lookup }) {
    this.#allowed = options.allowedRanges.map((range) => ipaddr.parseCIDR(range));
    this.#lookup = options.lookup ?? systemLookup;
  }

  /**
   * Sends a request and reads the answer.
   *
   * @throws OutgoingError when there is none, or none that may be taken.
   */
  async request(wanted: OutgoingRequest): Promise<OutgoingAnswer> {
    const timeout = AbortSignal.timeout(wanted.timeoutMs);
    const signal = wanted.signal ? AbortSignal.any([timeout, wanted.signal]) : timeout;
    try {
      let url = wanted.url;
      for (let left = wanted.maxRedirects ?? 0; ; left--) {
        const answer = await this.#once(wanted, url, signal);
        const target = redirect(wanted, answer);
        if (target === undefined || left <= 0) return answer;
        url = target;
      }
    } catch (error) {
      throw translate(error, timeout);
    }
  }

  /** Closes connections that are kept open. */
  async close(): Promise<void> {
    await (await this.#agent)?.close();
  }

  /** Whether an address, as text, may be reached. */
  allows(address: string): boolean {
    if (!ipaddr.isValid(address)) return false;
    const parsed = ipaddr.process(address);
    if (parsed.range() === OPEN) return true;
    return this.#allowed.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits));
  }

  async #once(wanted: OutgoingRequest, address: string, signal: AbortSignal): Promise<OutgoingAnswer> {
    const url = this.#checkUrl(address);
    const { request } = await import('undici');
    this.#agent ??= this.#makeAgent();
    const response = await request(url, {
      method: wanted.method,
      headers: { ...wanted.headers },
      body: wanted.body ?? null,
      dispatcher: await this.#agent,
      signal,
    });
    const body = await readBody(response, wanted);
    return { status: response.statusCode, headers: firstOfEach(response.headers), body, url: url.href };
  }

  #checkUrl(address: string): URL {
    if (!URL.canParse(address)) throw new OutgoingError('bad-url', 'This is no address');
    const url = new URL(address);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new OutgoingError('bad-url', 'Only http: and https: addresses can be asked');
    }
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !this.allows(host)) throw blocked(host);
    return url;
  }

  async #makeAgent(): Promise<Agent> {
    const { Agent } = await import('undici');
    return new Agent({
      connect: { lookup: (host, options, done) => this.#resolve(host, options, done), timeout: 10_000 },
      keepAliveTimeout: 10_000,
      maxOrigins: 1_000,
      connections: 32,
    });
  }

  /** Resolves a name for a connection: only addresses that may be reached are handed out. */
  #resolve(
    host: string,
    options: { all?: boolean | undefined },
    done: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
  ): void {
    this.#lookup(host, { all: true }, (error, found) => {
      if (error) return done(error, []);
      const allowed = found.filter(({ address }) => this.allows(address));
      const first = allowed[0];
      if (!first) return done(blocked(host), []);
      if (options.all === true) return done(null, allowed);
      done(null, first.address, first.family);
    });
  }
}

async function readBody(
  response: Dispatcher.ResponseData,
  { maxBytes, whenTooLarge }: OutgoingRequest,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body) {
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
function redirect(wanted: OutgoingRequest, answer: OutgoingAnswer): string | undefined {
  const { location } = answer.headers;
  if (wanted.method !== 'GET' && wanted.method !== 'HEAD') return undefined;
  if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return undefined;
  return URL.canParse(location, answer.url) ? new URL(location, answer.url).href : undefined;
}

function blocked(host: string): OutgoingError {
  return new OutgoingError('blocked', `${host} is not at an address that this server may reach`);
}

function translate(error: unknown, timeout: AbortSignal): OutgoingError {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OutgoingError) return cause;
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

import { AddressBlocked } from '../platform/reachable-addresses.ts';
import { timeLimit, type Timers } from '../platform/timers.ts';
import { MAX_SENT_DEPTH } from '../protocol/canonical-json.ts';
import { parseExactJson } from '../protocol/exact-json.ts';
import type { ServerName } from '../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { isDeeperThan } from '../protocol/json-depth.ts';
import type { SigningKey } from '../protocol/signing.ts';
import type { BackOff } from './back-off.ts';
import type { ServerResolution } from './discovery/server-resolution.ts';
import { FederationError } from './federation-error.ts';
import type { ServerTransport, WireAnswer, WireRequest } from './transport/server-transport.ts';
import { authorizationOf, CanonicalText } from './x-matrix.ts';

/** A request to another server. */
export interface FederationRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** From `/_matrix` on, each part of it encoded already. */
  readonly path: string;
  /** Values that are undefined are left out; of an array, each is given. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  readonly body?: JsonObject | CanonicalText;
  /** Milliseconds for the whole of it; 30 seconds by default. */
  readonly timeoutMs?: number;
  /** Most bytes of the answer; 50 MiB by default. */
  readonly maxBytes?: number;
  /** Whether the answer is in the form of some first versions: a list of the status and the object that is meant. */
  readonly answeredInList?: boolean;
  /** Whether the answer is made of events: each is judged by itself then, also by how deep it is nested. */
  readonly holdsEvents?: boolean;
  /** False for the few requests that are not signed, such as for keys. */
  readonly signed?: boolean;
  /** Whether to ask a server that did not answer lately all the same. */
  readonly evenWhenFailing?: boolean;
  /** Whether the path ended in a slash in 2015: a server that does not know it is asked so, too. */
  readonly slashIn2015?: boolean;
  /** Whether it is the server that fails, beside the failures that are transient: it is left in peace then. */
  readonly isOfServer?: (failure: FederationError) => boolean;
  readonly signal?: AbortSignal;
}

/** A request as it goes over the wire. */
type WrittenRequest = Omit<WireRequest, 'signal'>;

/** What requests need of `BackOff`. */
export type Patience = Pick<BackOff, 'answers' | 'waitMs' | 'heardOf' | 'failed'>;

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_BYTES = 50 * 1024 * 1024;
const MAX_ERROR_BYTES = 65_536;
/** A connection that was kept open ended just when it was to be used again: what may be asked twice is. */
const LOST: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'UND_ERR_ABORTED', 'ECONNRESET', 'EPIPE']);

/** Asks other servers. */
export class FederationClient {
  readonly serverName: ServerName;
  readonly #key: SigningKey;
  readonly #resolution: ServerResolution;
  readonly #transport: ServerTransport;
  readonly #backOff: Patience;
  readonly #timers: Timers;
  readonly #isHomeserverElsewhere: boolean;

  /** @param needs.isHomeserverElsewhere whether the homeserver of this name is another process, which can be asked. */
  constructor(needs: {
    serverName: ServerName;
    key: SigningKey;
    resolution: ServerResolution;
    transport: ServerTransport;
    backOff: Patience;
    timers: Timers;
    isHomeserverElsewhere: boolean;
  }) {
    this.serverName = needs.serverName;
    this.#key = needs.key;
    this.#resolution = needs.resolution;
    this.#transport = needs.transport;
    this.#backOff = needs.backOff;
    this.#timers = needs.timers;
    this.#isHomeserverElsewhere = needs.isHomeserverElsewhere;
  }

  /**
   * Sends a signed request and gives the JSON object that is the answer.
   *
   * @throws FederationError when there is none; MatrixError 400 M_BAD_JSON for a body that cannot be encoded.
   */
  async request(destination: ServerName, request: FederationRequest): Promise<JsonObject> {
    return this.#asking(destination, request, async (answer, signal) => {
      const body = parseObject(await wholeBody(destination, request, answer, signal), request.answeredInList);
      if (body && (request.holdsEvents === true || !isDeeperThan(body, MAX_SENT_DEPTH))) return body;
      throw new FederationError(
        destination,
        'bad-answer',
        `${destination} answered with something else than a JSON object that is nested ${MAX_SENT_DEPTH} levels at most`,
      );
    });
  }

  /** As `request`, for JSON that is too much to be parsed at once: gives it as it is. */
  async bytes(destination: ServerName, request: FederationRequest): Promise<Buffer> {
    return this.#asking(destination, request, (answer, signal) =>
      wholeBody(destination, request, answer, signal),
    );
  }

  /**
   * As `request`, for answers that are not JSON: `read` gets the answer once its status says that it is one, and a signal
   * that ends the time for it. It must read or destroy the body.
   */
  async stream<Result>(
    destination: ServerName,
    request: FederationRequest,
    read: (answer: WireAnswer, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    return this.#asking(destination, request, read);
  }

  async #asking<Result>(
    destination: ServerName,
    request: FederationRequest,
    read: (answer: WireAnswer, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await this.#askingOnce(destination, request, read);
    } catch (error) {
      if (!(error instanceof FederationError) || !isForOlder(request, error)) throw error;
      const older = { ...request, path: `${request.path}/`, slashIn2015: false };
      return this.#askingOnce(destination, older, read);
    }
  }

  async #askingOnce<Result>(
    destination: ServerName,
    request: FederationRequest,
    read: (answer: WireAnswer, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    if (destination === this.serverName && !this.#isHomeserverElsewhere) {
      throw new Error('This server must not ask itself over federation');
    }
    const mayAsk = request.evenWhenFailing === true || this.#backOff.answers(destination);
    if (!mayAsk && (await this.#backOff.waitMs(destination)) > 0) {
      const message = `${destination} did not answer lately: it is not asked again yet`;
      throw new FederationError(destination, 'backing-off', message);
    }
    // What cannot be written says nothing of the other server.
    const written = this.#write(destination, request);
    const limit = timeLimit(this.#timers, request.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const timeout = limit.signal;
    const signal = request.signal ? AbortSignal.any([timeout, request.signal]) : timeout;
    try {
      const answer = await this.#send(destination, written, signal);
      const result = await this.#accept(destination, answer, signal, read);
      await this.#backOff.heardOf(destination);
      return result;
    } catch (error) {
      const failure = translate(destination, error, timeout);
      await this.#note(destination, failure, request);
      throw failure;
    } finally {
      limit.cancel();
    }
  }

  #write(destination: ServerName, request: FederationRequest): WrittenRequest {
    const { method } = request;
    const target = request.path + queryOf(request.query);
    const content = contentOf(request.body);
    const body = content?.text;
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (request.signed !== false) {
      const signed = { method, uri: target, origin: this.serverName, destination, content };
      headers.authorization = authorizationOf(signed, this.#key);
    }
    return { method, target, headers, body };
  }

  /** Tries one route after the other until one can be connected to. */
  async #send(destination: ServerName, written: WrittenRequest, signal: AbortSignal): Promise<WireAnswer> {
    const routes = await this.#resolution.routes(destination);
    let failure: unknown;
    for (const route of routes) {
      for (let tries = written.method === 'POST' ? 1 : 2; tries > 0; tries--) {
        try {
          return await this.#transport.request(route, { ...written, signal });
        } catch (error) {
          failure = error;
          if (signal.aborted) throw error;
          if (!LOST.has(String((error as { code?: unknown }).code))) break;
        }
      }
    }
    throw failure;
  }

  async #accept<Result>(
    destination: ServerName,
    answer: WireAnswer,
    signal: AbortSignal,
    read: (answer: WireAnswer, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { status } = answer;
    if (status >= 200 && status < 300) return read(answer, signal);
    const bytes = await readBody(answer, MAX_ERROR_BYTES, signal).catch(() => undefined);
    const told = (bytes && parseObject(bytes)) ?? {};
    const body = isDeeperThan(told, MAX_SENT_DEPTH) ? {} : told;
    const why = typeof body.error === 'string' ? `: ${body.error.slice(0, 200)}` : '';
    throw new FederationError(destination, 'refused', `${destination} answered ${status}${why}`, {
      status,
      body,
    });
  }

  async #note(destination: ServerName, failure: FederationError, request: FederationRequest): Promise<void> {
    if (failure.reason === 'backing-off' || request.signal?.aborted === true) return;
    if (isForOlder(request, failure)) return;
    if (failure.isTransient || request.isOfServer?.(failure) === true)
      await this.#backOff.failed(destination);
    else await this.#backOff.heardOf(destination);
  }
}

/** Whether the server may know the path with a slash at its end only: then it is asked that way, too. */
function isForOlder({ slashIn2015 }: FederationRequest, failure: FederationError): boolean {
  return slashIn2015 === true && failure.isUnknownPath;
}

function contentOf(body: FederationRequest['body']): CanonicalText | undefined {
  return body === undefined || body instanceof CanonicalText ? body : CanonicalText.of(body);
}

function queryOf(query: FederationRequest['query']): string {
  if (query === undefined) return '';
  const text = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [String(value)])
      text.append(key, one);
  }
  const encoded = text.toString().replaceAll('+', '%20');
  return encoded === '' ? '' : `?${encoded}`;
}

async function wholeBody(
  destination: ServerName,
  request: FederationRequest,
  answer: WireAnswer,
  signal: AbortSignal,
): Promise<Buffer> {
  const bytes = await readBody(answer, request.maxBytes ?? DEFAULT_MAX_BYTES, signal);
  if (bytes) return bytes;
  throw new FederationError(destination, 'bad-answer', `The answer of ${destination} is too large`);
}

/** The body; undefined when it is larger than allowed. */
async function readBody(
  answer: WireAnswer,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += (chunk as Buffer).length;
    if (size > maxBytes) return undefined;
    chunks.push(chunk as Buffer);
  }
  signal.throwIfAborted();
  return Buffer.concat(chunks, size);
}

function parseObject(bytes: Buffer, isInList = false): JsonObject | undefined {
  try {
    const whole = parseExactJson(bytes.toString('utf8'));
    const value = isInList && Array.isArray(whole) ? (whole as JsonValue[])[1] : whole;
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function translate(destination: ServerName, error: unknown, timeout: AbortSignal): FederationError {
  if (error instanceof FederationError) return error;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof AddressBlocked) {
      return new FederationError(destination, 'unreachable', cause.message, { cause: error });
    }
  }
  const late =
    timeout.aborted || (error as { code?: string } | undefined)?.code === 'UND_ERR_CONNECT_TIMEOUT';
  const [reason, message] = late
    ? (['timeout', `${destination} did not answer in time`] as const)
    : (['unreachable', `${destination} cannot be reached`] as const);
  return new FederationError(destination, reason, message, { cause: error });
}

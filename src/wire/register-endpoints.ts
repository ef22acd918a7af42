import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServerName } from '../protocol/identifiers.ts';
import { invalidParam, MatrixError } from '../protocol/matrix-error.ts';
import { identifier, type Caller, type KnownCallers, type RawRequest } from './callers.ts';
import {
  NOTHING,
  RawJson,
  Reply,
  type Answer,
  type AnyDeclaration,
  type ByteBody,
  type Endpoint,
  type LimitName,
} from './endpoint.ts';
import { FormText } from './form-body.ts';
import { leaveBodiesUnread } from './http-server.ts';
import { PartParser } from './parse-request.ts';
import { decidedTwice, namesIn } from './second-decision.ts';
import { sendJson, sendJsonPieces } from './send-json.ts';
import { sendStream } from './send-stream.ts';
import type { IdentityAccount, Session } from './session.ts';

/** What the HTTP layer needs of the rest of the server. Endpoints are registered where their callers can be known. */
export interface Wiring extends KnownCallers {
  /** Takes one request of a class from a caller's allowance: milliseconds to wait if there is none left. */
  readonly limiter: { take(limit: LimitName, caller: string): number | undefined };
  /** Records a request: seconds it took. */
  readonly metrics: { request(id: string, status: number, seconds: number): void };
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
  /** Pending while what an answer tells may not be on the disk yet (`Database.unsynced`). */
  unsynced(): Promise<unknown> | undefined;
  /** The address by which clients reach the server, if it is configured. */
  readonly publicBaseUrl: string | undefined;
}

/** Makes endpoints reachable under all their paths. Gives the declarations of what is now there. */
export async function registerEndpoints<Needs>(
  app: FastifyInstance,
  endpoints: readonly Endpoint<Needs>[],
  needs: Needs,
  wiring: Wiring,
): Promise<AnyDeclaration[]> {
  const route = (scope: FastifyInstance, takesBytes: boolean) => {
    for (const endpoint of endpoints) {
      if ((endpoint.declaration.body === 'bytes') !== takesBytes) continue;
      const run = runner(endpoint, needs, wiring);
      const { method, paths, oddJson } = endpoint.declaration;
      const config = { oddJson: oddJson === 'allowed' };
      for (const url of paths) scope.route({ method, url, config, handler: run });
    }
  };
  route(app, false);
  await app.register((scope, _options, done) => {
    leaveBodiesUnread(scope);
    route(scope, true);
    done();
  });
  return endpoints.map(({ declaration }) => declaration);
}

function runner<Needs>(endpoint: Endpoint<Needs>, needs: Needs, wiring: Wiring) {
  const { declaration } = endpoint;
  const parsers = {
    params: new PartParser('path', declaration.params ?? NOTHING),
    query: new PartParser('query', declaration.query ?? NOTHING),
  };
  const readBody = bodyReader(declaration);
  const identify = identifier(declaration, wiring);
  const decide = decider(endpoint, needs, wiring);
  return async (raw: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const request = raw as RawRequest;
    const begun = performance.now();
    let status = 500;
    try {
      if (request.url.includes('%00'))
        throw invalidParam('Paths and queries must not hold the character NUL');
      const caller = await identify(request);
      limit(declaration, caller, request, wiring);
      const checked = new CheckedRequest({ request, reply }, caller, wiring, {
        params: parsers.params.parse(request.params),
        query: parsers.query.parse(request.query),
        body: readBody(request),
      });
      const answer = await decide(checked);
      const unsynced = wiring.unsynced();
      if (unsynced) await unsynced;
      status = answer instanceof Reply ? answer.status : 200;
      return send(reply, answer);
    } catch (error) {
      status = error instanceof MatrixError ? error.status : 500;
      throw declaration.codes === undefined ? error : renamed(error, declaration.codes);
    } finally {
      wiring.metrics.request(declaration.id, status, (performance.now() - begun) / 1000);
    }
  };
}

/** Answers the requests of an endpoint; refuses some of them only after a second look (`decidedTwice`). */
function decider<Needs>(endpoint: Endpoint<Needs>, needs: Needs, { news }: Wiring) {
  const { auth, body } = endpoint.declaration;
  const handle = (request: CheckedRequest) => endpoint.handle(needs, request as never);
  // Nobody is known whose rights may have changed, or the bytes of the body are gone once they were read.
  const isOnce = auth === 'none' || auth === 'application-service' || body === 'bytes';
  if (!news || isOnce) return handle;
  return (request: CheckedRequest) => {
    // What somebody proved of themselves holds once.
    if (isRecord(request.body) && 'auth' in request.body) return handle(request);
    const names = () => namesIn([request.params, request.query, request.body], request.session?.userId);
    return decidedTwice(() => handle(request), news, names);
  };
}

/** How the body of an endpoint's requests is made of what the HTTP server has of it. */
function bodyReader(declaration: AnyDeclaration): (request: RawRequest) => unknown {
  const kind = declaration.body;
  if (kind === 'bytes') return byteBody;
  const parser = kind && new PartParser('body', kind);
  if (!parser) return ({ body }) => (body instanceof FormText ? refuseForm() : {});
  if (declaration.forms === 'allowed') {
    return ({ body = {} }) => {
      const given = body instanceof FormText ? body.fields : body;
      return parser.parse(isRecord(given) ? parser.convert(given) : given);
    };
  }
  if (declaration.nullBody === 'absent') return ({ body }) => parser.parse(body ?? {});
  return ({ body = {} }) => (body instanceof FormText ? refuseForm() : parser.parse(body));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function refuseForm(): never {
  throw new MatrixError(400, 'M_NOT_JSON', 'The body is not JSON');
}

function byteBody(request: RawRequest): ByteBody {
  const length = request.headers['content-length'];
  const { rawHeaders } = request.raw;
  const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-type');
  return {
    stream: request.raw,
    type: at < 0 ? undefined : rawHeaders[at + 1],
    length: length === undefined ? undefined : Number(length),
  };
}

/** The error by the name that clients of the endpoint know it by. */
function renamed(error: unknown, codes: Readonly<Record<string, string>>): unknown {
  if (!(error instanceof MatrixError)) return error;
  const errcode = codes[error.errcode];
  return errcode === undefined ? error : new MatrixError(error.status, errcode, error.message, error.extra);
}

function limit(declaration: AnyDeclaration, caller: Caller, request: RawRequest, wiring: Wiring): void {
  const name = declaration.limit ?? (caller.origin === undefined ? undefined : 'server');
  if (name === undefined || caller.session?.isRateLimited === false) return;
  const waitMs = wiring.limiter.take(name, caller.session?.userId ?? caller.origin ?? request.ip);
  if (waitMs !== undefined) throw tooManyRequests(waitMs);
}

/** 429 M_LIMIT_EXCEEDED with the time to wait, in milliseconds (and, by the HTTP layer, in Retry-After). */
export function tooManyRequests(waitMs: number): MatrixError {
  return new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too many requests: wait before you try again', {
    retry_after_ms: Math.ceil(waitMs),
  });
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  if (answer instanceof Reply) {
    reply.code(answer.status).headers(answer.headers);
    const { body } = answer;
    if (body instanceof Readable) return sendStream(reply, body);
    if (body === '') return reply.send();
    return typeof body === 'string' || Buffer.isBuffer(body)
      ? reply.send(body)
      : reply.send(JSON.stringify(body));
  }
  if (answer instanceof RawJson) return sendJsonPieces(reply, answer.pieces);
  return sendJson(reply, JSON.stringify(answer));
}

/** A request as handlers get it. The signal is made only when it is asked for: most never need it. */
class CheckedRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly session: Session | undefined;
  readonly origin: ServerName | undefined;
  readonly account: IdentityAccount | undefined;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #wiring: Wiring;
  #signal: AbortSignal | undefined;

  constructor(
    { request, reply }: { request: FastifyRequest; reply: FastifyReply },
    caller: Caller,
    wiring: Wiring,
    parts: { params: unknown; query: unknown; body: unknown },
  ) {
    this.#request = request;
    this.#reply = reply;
    this.#wiring = wiring;
    this.session = caller.session;
    this.origin = caller.origin;
    this.account = caller.account;
    this.params = parts.params;
    this.query = parts.query;
    this.body = parts.body;
  }

  get ip(): string {
    return this.#request.ip;
  }

  get uri(): string {
    return this.#request.url;
  }

  get userAgent(): string {
    return this.#request.headers['user-agent'] ?? '';
  }

  get baseUrl(): string {
    return this.#wiring.publicBaseUrl ?? `${this.#request.protocol}://${this.#request.host}`;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#makeSignal();
    return this.#signal;
  }

  /** A response closes when it was sent, or before that when the client is gone; a request closes once it was read. */
  #makeSignal(): AbortSignal {
    const controller = new AbortController();
    const abort = () => controller.abort();
    const { stopping } = this.#wiring;
    if (stopping.aborted) abort();
    stopping.addEventListener('abort', abort);
    const response = this.#reply.raw;
    response.once('close', () => {
      stopping.removeEventListener('abort', abort);
      if (!response.writableFinished) abort();
    });
    return controller.signal;
  }
}

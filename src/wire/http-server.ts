import { isUtf8 } from 'node:buffer';
import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  fastify,
  type ConnectionError,
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { assertNoNulKey, assertWellFormed } from '../protocol/canonical-json.ts';
import { parseExactJson } from '../protocol/exact-json.ts';
import type { JsonValue } from '../protocol/json.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import { FormText, isForm } from './form-body.ts';
import { KnownPaths } from './known-paths.ts';
import { sendJson } from './send-json.ts';

/** Settings of the HTTP server. */
export interface HttpOptions {
  /** Largest body, in bytes. */
  readonly bodyLimit: number;
  /** Connections open at once; further ones are closed. */
  readonly connections: number;
  /** Whether to believe X-Forwarded-For of who connects to its own address; see `handOn` for another. */
  readonly trustProxy: boolean;
  readonly log: FastifyBaseLogger;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH'];
const CORS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers': 'X-Requested-With, Content-Type, Authorization, If-Match, If-None-Match',
};
/** Longest path parameter: an event ID or alias of 255 bytes, percent-encoded. */
const MAX_PARAM_LENGTH = 2_048;
/**
 * A request that takes longer to arrive, in milliseconds, is cut: long enough for a file over a slow line. How long its
 * answer may take is not limited.
 */
const LONGEST_REQUEST_MS = 1_200_000;
/** How requests are answered that Node.js cannot read, by its code for why: status, errcode and message. */
const GARBAGE: Readonly<Record<string, readonly [string, string, string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'M_TOO_LARGE',
    'Path and headers must be at most 16 KiB together',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'M_UNKNOWN', 'The request took too long to arrive'],
};
/** Endpoints check their requests themselves: the framework's compilers of schemas are not even loaded. */
const NO_SCHEMAS = { compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema } };
/** Bodies shorter than this cannot be nested too deep. */
const SHALLOW = 1_024;

/** An HTTP server that speaks as the Matrix APIs do: JSON, standard errors, CORS on everything. */
export function createHttpServer(options: HttpOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: options.bodyLimit,
    trustProxy: options.trustProxy ? isNearestProxy : false,
    loggerInstance: options.log,
    genReqId: requestIds(),
    schemaController: NO_SCHEMAS,
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, ignoreTrailingSlash: false },
    keepAliveTimeout: 75_000,
    requestTimeout: LONGEST_REQUEST_MS,
    forceCloseConnections: 'idle',
    frameworkErrors: (error, _request, reply) => void sendError(reply, error),
    clientErrorHandler: answerGarbage,
  });
  app.server.maxConnections = options.connections;
  app.removeAllContentTypeParsers();
  app.decorateRequest('bodyText', undefined);
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      done(null, parseJson(body as Buffer, request as ParsedRequest));
    } catch (error) {
      const form = formIn(body as Buffer, request.headers['content-type'], error);
      if (form) done(null, form);
      else done(error as Error);
    }
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(CORS);
    // Of a part of the answer only GET knows (RFC 9110, section 14.2).
    if (request.method === 'HEAD') delete request.headers.range;
    if (request.method !== 'OPTIONS') return done();
    void reply.code(204).send();
  });
  if (['info', 'debug', 'trace'].includes(options.log.level)) logRequests(app);
  app.setErrorHandler((error: FastifyError, _request, reply) => sendError(reply, error));
  return app;
}

/**
 * Bodies that come to a scope of the server are left for their endpoints to read, as bytes. Their media type is out of
 * the framework's sight, which would refuse what it does not understand; `rawHeaders` still has it. What an endpoint
 * leaves unread of a body is read away once it was answered: else the next request on the connection would wait for ever.
 */
export function leaveBodiesUnread(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _body, done) => done(null));
  scope.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('finish', () => request.raw.resume());
    delete request.headers['content-type'];
    done();
  });
}

/** What a proxy says of who asked it, and how. */
const FORWARDED = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];

/**
 * Hands requests of another listener on. Whoever reaches that one is no proxy of ours: what they say of where a request came
 * from is not looked at, whatever `trustProxy` says of the server's own address.
 */
export function handOn(app: FastifyInstance): RequestListener {
  return (request, response) => {
    for (const name of FORWARDED) delete request.headers[name];
    app.server.emit('request', request, response);
  };
}

function refuseSchema(): never {
  throw new Error('Schemas are given to endpoints, not to the framework');
}

/** Of the addresses a request came by, nearest first: what lies beyond the first is only what the caller says. */
function isNearestProxy(_address: string, hop: number): boolean {
  return hop === 0;
}

/** Names for requests in the log, other ones after each start. */
function requestIds(): () => string {
  const start = Date.now().toString(36);
  let count = 0;
  return () => `${start}-${(count += 1).toString(36)}`;
}

/** Writes down each answer, without the query: it may hold an access token. */
function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    const query = request.url.indexOf('?');
    const path = query < 0 ? request.url : request.url.slice(0, query);
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    request.log.info({ method: request.method, path, status: reply.statusCode, ms }, 'request');
    done();
  });
}

/**
 * Counts requests that are under way. It counts below the hooks of the framework: these run unevenly when one of them
 * answers, as for a preflight, or when a path cannot be decoded.
 */
export function countRequests(app: FastifyInstance): () => number {
  let count = 0;
  app.server.prependListener('request', (_request, response: ServerResponse) => {
    count += 1;
    response.once('close', () => {
      count -= 1;
    });
  });
  return () => count;
}

/** A request as far as its body needs one. */
interface ParsedRequest {
  bodyText?: string;
  readonly routeOptions: { readonly config: { readonly oddJson?: boolean } };
}

/** Methods by path, of everything that was registered. */
export type Routes = ReadonlyMap<string, ReadonlySet<string>>;

/** Follows what is registered from now on. */
export function collectRoutes(app: FastifyInstance): Routes {
  const routes = new Map<string, Set<string>>();
  app.addHook('onRoute', (route) => {
    const methods = routes.get(route.url) ?? new Set<string>();
    for (const method of [route.method].flat()) methods.add(method);
    routes.set(route.url, methods);
  });
  return routes;
}

/** Answers for unknown paths, and for known paths with another method. Call it after all routes are there. */
export function answerTheRest(app: FastifyInstance, routes: Routes): void {
  const known = new KnownPaths(routes);
  for (const [url, methods] of [...routes]) {
    const refused = METHODS.filter((method) => !methods.has(method) && known.isBeside(url, method));
    const taken = [...methods];
    if (refused.length > 0)
      app.route({
        ...{ method: refused, url, exposeHeadRoute: false },
        handler: (request, reply) => refuseMethod(request, reply, taken),
      });
  }
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const methods = METHODS.includes(request.method) ? known.methodsAt(path) : undefined;
    if (methods) return refuseMethod(request, reply, [...methods]);
    return sendError(reply, new MatrixError(404, 'M_UNRECOGNIZED', `There is nothing at ${path}`));
  });
}

function refuseMethod(
  request: FastifyRequest,
  reply: FastifyReply,
  methods: readonly string[],
): FastifyReply {
  const allowed = methods.toSorted().join(', ');
  reply.header('allow', allowed);
  return sendError(
    reply,
    new MatrixError(405, 'M_UNRECOGNIZED', `This path takes ${allowed}, not ${request.method}`),
  );
}

/** What is no request gets an answer, where there is still somebody to hear it, and no second one on that connection. */
function answerGarbage(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, code, message] = GARBAGE[error.code] ?? ['400 Bad Request', 'M_UNKNOWN', 'This is not HTTP'];
  const body = JSON.stringify({ errcode: code, error: message });
  const cors = Object.entries(CORS).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${status}\r\n${cors.join('')}content-type: application/json\r\n` +
      `content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function parseJson(body: Buffer, request: ParsedRequest): JsonValue | undefined {
  if (body.length === 0) return undefined;
  if (!isUtf8(body)) throw new MatrixError(400, 'M_NOT_JSON', 'The body must be JSON in UTF-8');
  const text = body.toString('utf8');
  const value = parseExactJson(text);
  request.bodyText = text;
  if (request.routeOptions.config.oddJson !== true) assertStorable(value, text);
  return value;
}

function assertStorable(value: JsonValue, text: string): void {
  if (text.length > SHALLOW || text.includes('\\u')) assertWellFormed(value);
  if (text.includes('\\u0000')) assertNoNulKey(value);
}

/** What is no JSON and says that it is a form may be one: JSON is often sent under that type, too. */
function formIn(body: Buffer, type: string | undefined, error: unknown): FormText | undefined {
  const isOther = error instanceof MatrixError && error.errcode === 'M_NOT_JSON' && isForm(type);
  const text = isOther && isUtf8(body) ? body.toString('utf8') : undefined;
  return text === undefined || /%00|\0/.test(text) ? undefined : new FormText(text);
}

function sendError(reply: FastifyReply, error: Error & { statusCode?: number; code?: string }): FastifyReply {
  const matrix = error instanceof MatrixError ? error : translate(reply, error);
  const wait = matrix.extra.retry_after_ms;
  if (typeof wait === 'number') reply.header('retry-after', String(Math.ceil(wait / 1000)));
  return sendJson(reply.headers(CORS).code(matrix.status), JSON.stringify(matrix.toBody()));
}

function translate(reply: FastifyReply, error: Error & { statusCode?: number; code?: string }): MatrixError {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new MatrixError(413, 'M_TOO_LARGE', 'The body is larger than this server takes');
  }
  const status = error.statusCode ?? 500;
  if (error.code === 'FST_ERR_BAD_URL' || error.code === 'FST_ERR_MAX_PARAM_LENGTH') {
    return new MatrixError(
      status,
      'M_INVALID_PARAM',
      'The path is too long or not percent-encoded as it should be',
    );
  }
  if (status >= 400 && status < 500) return new MatrixError(status, 'M_UNKNOWN', error.message);
  reply.log.error({ err: error, request: reply.request.id }, 'a request failed');
  return new MatrixError(500, 'M_UNKNOWN', 'The server made a mistake; its log says which');
}

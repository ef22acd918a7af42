import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request that a server of this process answered, and the answer. */
export interface Exchange {
  readonly method: string;
  /** Path and query, as they were sent. */
  readonly url: string;
  readonly requestType: string | undefined;
  readonly requestBody: Buffer;
  readonly status: number;
  readonly responseType: string | undefined;
  readonly responseBody: Buffer;
}

type Chunk = string | Uint8Array;

/** What all answers of the server have, and none of what stands in for other servers in tests. */
const OURS = 'access-control-allow-origin';

/**
 * Hands over whatever the servers under test in this process answer from now on, whoever asks: it sits below them all, so no
 * client can go past it. It is told of an answer before the client has it.
 *
 * @param concerns whether a path is worth keeping bodies for.
 */
export function watchTraffic(concerns: (url: string) => boolean, tell: (exchange: Exchange) => void): void {
  subscribe('http.server.request.start', (message) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    if (concerns(request.url ?? '')) watch(request, response, tell);
  });
}

function watch(request: IncomingMessage, response: ServerResponse, tell: (exchange: Exchange) => void): void {
  const asked: Buffer[] = [];
  const emit = request.emit.bind(request) as (name: string | symbol, ...rest: unknown[]) => boolean;
  request.emit = (name: string | symbol, ...rest: unknown[]) => {
    if (name === 'data') asked.push(bytesOf(rest[0] as Chunk));
    return emit(name, ...rest);
  };
  const answered: Buffer[] = [];
  const write = response.write.bind(response) as (...rest: unknown[]) => boolean;
  response.write = (...rest: unknown[]) => {
    answered.push(bytesOf(rest[0] as Chunk));
    return write(...rest);
  };
  let type = '';
  let isOurs = false;
  const writeHead = response.writeHead.bind(response) as (...rest: unknown[]) => ServerResponse;
  response.writeHead = (...rest: unknown[]) => {
    const headers = rest.at(-1);
    if (typeof headers === 'object' && headers !== null) {
      type = (headers as Record<string, string | undefined>)['content-type'] ?? '';
      isOurs = OURS in headers;
    }
    return writeHead(...rest);
  };
  const end = response.end.bind(response) as (...rest: unknown[]) => ServerResponse;
  response.end = (...rest: unknown[]) => {
    const [last] = rest;
    if (!isOurs) return end(...rest);
    if (typeof last === 'string' || last instanceof Uint8Array) answered.push(bytesOf(last));
    tell({
      method: request.method ?? '',
      url: request.url ?? '',
      requestType: request.headers['content-type'],
      requestBody: Buffer.concat(asked),
      status: response.statusCode,
      responseType: type === '' ? undefined : type,
      responseBody: Buffer.concat(answered),
    });
    return end(...rest);
  };
}

/** A copy: whoever writes may use its memory again. */
function bytesOf(chunk: Chunk): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk);
}

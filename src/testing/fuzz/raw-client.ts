import { Agent, request } from 'node:http';
import type { FuzzRequest } from './fuzz-request.ts';

export interface RawAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Asks without tidying anything up first, as fetch would: what is given is what is sent. */
export class RawClient {
  readonly #base: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });

  constructor(base: string) {
    this.#base = new URL(base);
  }

  /**
   * The answer to a request.
   *
   * @throws Error when there is none within `deadlineMs`, or the connection is cut before it.
   */
  ask({ method, path, headers, body }: FuzzRequest, deadlineMs: number): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const { hostname, port } = this.#base;
      const options = {
        hostname,
        port,
        method,
        path,
        agent: this.#agent,
        headers: { ...headers, ...length },
      };
      const asked = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            body: Buffer.concat(chunks).toString(),
          }),
        );
        response.on('error', reject);
      });
      const late = () => asked.destroy(new Error(`no answer within ${deadlineMs} ms`));
      const timer = setTimeout(late, deadlineMs);
      asked.on('close', () => clearTimeout(timer));
      asked.on('error', reject);
      asked.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

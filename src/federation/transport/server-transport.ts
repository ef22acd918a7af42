import type { Readable } from 'node:stream';
import type { Route } from '../discovery/server-resolution.ts';

/** A request as it goes over the wire. */
export interface WireRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** From `/_matrix` on, with the query: just as it was signed. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}

/** What came back. The body must be read or destroyed. */
export interface WireAnswer {
  readonly status: number;
  /** Names in lower case; of a header given more than once, the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/**
 * Carries requests to servers. A simulation puts another in place of the real one.
 *
 * `request` rejects when there is no answer: no connection, no address that may be reached, a certificate for another
 * name, or the signal.
 */
export interface ServerTransport {
  request(route: Route, request: WireRequest): Promise<WireAnswer>;
  close(): Promise<void>;
}

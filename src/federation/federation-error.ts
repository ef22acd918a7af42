import type { ServerName } from '../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../protocol/json.ts';
import { MatrixError } from '../protocol/matrix-error.ts';

/**
 * Why another server did not do what it was asked: it is left in peace for a while (`backing-off`), cannot be reached,
 * did not answer in time, answered with an error (`refused`, with its status), or answered with something else than the
 * JSON object that it should (`bad-answer`).
 */
export type FederationFailure = 'backing-off' | 'unreachable' | 'timeout' | 'refused' | 'bad-answer';

/** Errors with a status of 500 or more that say something of what was asked for, and nothing of the server. */
const ABOUT_THE_REQUEST: readonly (string | undefined)[] = ['M_NOT_YET_UPLOADED', 'M_TOO_LARGE'];

/** A request to another server did not succeed. */
export class FederationError extends Error {
  readonly destination: ServerName;
  readonly reason: FederationFailure;
  /** HTTP status, where it was refused. */
  readonly status: number | undefined;
  /** The body of the answer, where it was refused and the body is a JSON object. */
  readonly body: JsonObject;

  constructor(
    destination: ServerName,
    reason: FederationFailure,
    message: string,
    more: { status?: number; body?: JsonObject; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = 'FederationError';
    this.destination = destination;
    this.reason = reason;
    this.status = more.status;
    this.body = isJsonObject(more.body) ? more.body : {};
  }

  /** The errcode with which it was refused, if it was. */
  get errcode(): string | undefined {
    const { errcode } = this.body;
    return typeof errcode === 'string' ? errcode : undefined;
  }

  /** Whether the server does not know the path, rather than what was asked for there. */
  get isUnknownPath(): boolean {
    return this.errcode === 'M_UNRECOGNIZED' || (this.status === 404 && this.errcode !== 'M_NOT_FOUND');
  }

  /** Whether trying again later may help: it is the server or the way to it that failed, not the request. */
  get isTransient(): boolean {
    if (this.reason !== 'refused') return this.reason !== 'bad-answer';
    if (ABOUT_THE_REQUEST.includes(this.errcode)) return false;
    return this.status === 429 || (this.status ?? 500) >= 500;
  }

  /**
   * The error for a client on whose behalf was asked: what the other server said against the request, or 502 or 504 for a
   * server that cannot be talked to.
   */
  toMatrixError(): MatrixError {
    const { status, errcode, body } = this;
    const isForClient =
      status !== undefined &&
      (ABOUT_THE_REQUEST.includes(errcode) || (status >= 400 && status < 500 && status !== 401));
    if (isForClient && errcode !== undefined) {
      const message = typeof body.error === 'string' ? body.error : this.message;
      return new MatrixError(status, errcode, message);
    }
    return new MatrixError(this.reason === 'timeout' ? 504 : 502, 'M_UNKNOWN', this.message);
  }
}

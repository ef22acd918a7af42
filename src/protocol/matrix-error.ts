import type { JsonObject } from './json.ts';

/**
 * The one error type of Myelin: what went wrong, as the Matrix specification's standard error response says it
 * (Client-Server API, "Standard error response"). Throw it anywhere; the HTTP layer writes it out.
 */
export class MatrixError extends Error {
  readonly status: number;
  readonly errcode: string;
  /** Further keys of the error body, such as `retry_after_ms` or `soft_logout`. */
  readonly extra: JsonObject;

  /**
   * @param status HTTP status code, 4xx or 5xx.
   * @param errcode an errcode of the specification, such as `M_FORBIDDEN`.
   * @param message for people: what was wrong and what is allowed.
   */
  constructor(status: number, errcode: string, message: string, extra: JsonObject = {}) {
    super(message);
    this.name = 'MatrixError';
    this.status = status;
    this.errcode = errcode;
    this.extra = extra;
  }

  /** The JSON body of the error response. */
  toBody(): JsonObject {
    return { errcode: this.errcode, error: this.message, ...this.extra };
  }
}

/** 403 M_FORBIDDEN. */
export function forbidden(message: string): MatrixError {
  return new MatrixError(403, 'M_FORBIDDEN', message);
}

/** 404 M_NOT_FOUND. */
export function notFound(message: string): MatrixError {
  return new MatrixError(404, 'M_NOT_FOUND', message);
}

/** 400 M_INVALID_PARAM. */
export function invalidParam(message: string): MatrixError {
  return new MatrixError(400, 'M_INVALID_PARAM', message);
}

/** 400 M_BAD_JSON. */
export function badJson(message: string): MatrixError {
  return new MatrixError(400, 'M_BAD_JSON', message);
}

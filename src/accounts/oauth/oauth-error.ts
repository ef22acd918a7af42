import type { JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';

/** Codes of errors that OAuth clients get (RFC 6749, 7009, 7591, 8628). */
export type OAuthErrorCode =
  | 'access_denied'
  | 'authorization_pending'
  | 'expired_token'
  | 'invalid_client'
  | 'invalid_client_metadata'
  | 'invalid_grant'
  | 'invalid_redirect_uri'
  | 'invalid_request'
  | 'invalid_scope'
  | 'slow_down'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type';

/** An error that OAuth clients get in the words of RFC 6749, section 5.2. */
export class OAuthError extends MatrixError {
  readonly code: OAuthErrorCode;

  constructor(code: OAuthErrorCode, description: string) {
    super(code === 'invalid_client' ? 401 : 400, 'M_UNKNOWN', description);
    this.code = code;
  }

  override toBody(): JsonObject {
    return { error: this.code, error_description: this.message };
  }
}

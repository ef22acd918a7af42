import { OAuthError } from '../../accounts/oauth/oauth-error.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { ByteBody } from '../../wire/endpoint.ts';
import { formFields } from '../../wire/form-body.ts';

/**
 * The parameters of a request of an OAuth client (RFC 6749, section 3.2): a form in which each is given once at most, and an
 * empty one counts as left out.
 *
 * @throws OAuthError invalid_request.
 */
export async function oauthForm(body: ByteBody): Promise<ReadonlyMap<string, string>> {
  const fields = await formFields(body).catch((error: unknown) => {
    throw error instanceof MatrixError ? new OAuthError('invalid_request', error.message) : error;
  });
  const found = new Map<string, string>();
  for (const [name, value] of fields) {
    if (found.has(name)) {
      throw new OAuthError('invalid_request', `"${name.slice(0, 100)}" must be given once`);
    }
    found.set(name, value);
  }
  return new Map([...found].filter(([, value]) => value !== ''));
}

/** @throws OAuthError invalid_request for a parameter that is left out. */
export function required(form: ReadonlyMap<string, string>, name: string): string {
  const value = form.get(name);
  if (value === undefined) throw new OAuthError('invalid_request', `"${name}" must be given`);
  return value;
}

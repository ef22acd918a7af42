import { invalidParam, MatrixError } from '../../protocol/matrix-error.ts';

/** Where people confirm that a client gets a login token. */
export const CONTINUE_PATH = '/account/continue';

/** Schemes that are no clients'. */
const NO_CLIENTS = ['about:', 'blob:', 'data:', 'file:', 'javascript:', 'vbscript:', 'view-source:'];

/** The address of a client that wants a login token. 400 where it is none. */
export function parseRedirectUrl(text: string | undefined): URL {
  if (text === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', '"redirectUrl" must be given');
  if (URL.canParse(text)) {
    const url = new URL(text);
    if (!NO_CLIENTS.includes(url.protocol)) return url;
  }
  throw invalidParam('"redirectUrl" must be the address of a client');
}

/** The page to confirm on. */
export function continuePath(redirectUrl: URL): string {
  return `${CONTINUE_PATH}?${new URLSearchParams({ redirectUrl: redirectUrl.href }).toString()}`;
}

/** The client's address with a login token. */
export function withLoginToken(redirectUrl: URL, token: string): string {
  const url = new URL(redirectUrl);
  url.searchParams.delete('loginToken');
  url.searchParams.set('loginToken', token);
  return url.href;
}

/** Whether an address is one of these, or below one of these that ends with a slash. */
export function isTrusted(redirectUrl: URL, trusted: readonly string[]): boolean {
  return trusted.some((one) => {
    if (!URL.canParse(one)) return false;
    const { href, origin, pathname, protocol, host } = new URL(one);
    if (redirectUrl.protocol !== protocol || redirectUrl.host !== host) return false;
    if (redirectUrl.username !== '' || redirectUrl.password !== '') return false;
    const isSame =
      origin === 'null' ? redirectUrl.href.split('?', 1)[0] === href : redirectUrl.pathname === pathname;
    return isSame || (pathname.endsWith('/') && redirectUrl.pathname.startsWith(pathname));
  });
}

/** What kind of application a client is. */
export type ApplicationType = 'web' | 'native';

/** Only characters that every parser of addresses reads alike: no spaces, backslashes or letters beyond ASCII. */
const PLAIN = /^[!#-;=?-[\]_a-z~%]+$/i;
const HTTPS_WITHOUT_USER = /^https:\/\/[^/?@]+(?:[/?]|$)/i;
const LOOPBACK = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?:[/?]|$)/i;
const LOOPBACK_WITH_PORT = /^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])):\d{1,5}(?=[/?]|$)/i;

/**
 * Whether an application may register a redirect URI (Client-Server API, "Redirect URI validation").
 *
 * @param clientHost the host of the client's `client_uri`.
 */
export function isRedirectUriAllowed(uri: string, type: ApplicationType, clientHost: string): boolean {
  if (!PLAIN.test(uri) || uri.includes('#') || !URL.canParse(uri)) return false;
  if (isHttpsUnder(uri, clientHost)) return true;
  return type === 'native' && (LOOPBACK.test(uri) || isPrivateUse(uri, clientHost));
}

/** Whether a redirect URI is one that was registered. On the loopback interface any port will do. */
export function isRegisteredRedirectUri(uri: string, registered: readonly string[]): boolean {
  if (registered.includes(uri)) return true;
  const withoutPort = uri.replace(LOOPBACK_WITH_PORT, '$1');
  return withoutPort !== uri && registered.includes(withoutPort);
}

/** Whether an address is `https:`, names no user, and is on the client's host or a subdomain of it. */
export function isHttpsUnder(uri: string, clientHost: string): boolean {
  if (!PLAIN.test(uri) || !HTTPS_WITHOUT_USER.test(uri) || !URL.canParse(uri)) return false;
  const { hostname } = new URL(uri);
  return hostname === clientHost || hostname.endsWith(`.${clientHost}`);
}

/** `com.example.app:/callback` for a client at `example.com`: no host may follow. */
function isPrivateUse(uri: string, clientHost: string): boolean {
  const colon = uri.indexOf(':');
  const scheme = uri.slice(0, colon).toLowerCase();
  const reversed = clientHost.split('.').reverse().join('.');
  if (!reversed.includes('.')) return false;
  if (scheme !== reversed && !scheme.startsWith(`${reversed}.`)) return false;
  return !uri.startsWith('//', colon + 1) && uri.length > colon + 1;
}

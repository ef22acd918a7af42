import { fits, type DeviceId } from '../../protocol/identifiers.ts';
import { OAuthError } from './oauth-error.ts';

/** Names of the full access to the Client-Server API; the second is from before it was in the specification. */
const FULL_ACCESS = ['urn:matrix:client:api:*', 'urn:matrix:org.matrix.msc2967.client:api:*'];
const DEVICE = ['urn:matrix:client:device:', 'urn:matrix:org.matrix.msc2967.client:device:'];
/** Characters of a scope token (RFC 6749, section 3.3). */
const TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** What a client is granted. */
export interface Scope {
  /** The scope as the client named it, without tokens that this server does not know. */
  readonly text: string;
  readonly deviceId: DeviceId;
}

/**
 * Reads a scope (Client-Server API, "Scope"): full access and exactly one device. Tokens that are not known, such as
 * `openid`, are left out of what is granted.
 *
 * @throws OAuthError invalid_scope.
 */
export function parseScope(text: string): Scope {
  const tokens = [...new Set(text.split(' ').filter((token) => token !== ''))];
  if (!tokens.every((token) => TOKEN.test(token))) {
    throw new OAuthError('invalid_scope', 'The scope has characters that no scope may have');
  }
  if (!tokens.some((token) => FULL_ACCESS.includes(token))) {
    throw new OAuthError('invalid_scope', `The scope must include ${FULL_ACCESS[0] ?? ''}`);
  }
  const devices = tokens.filter((token) => deviceIn(token) !== undefined);
  const deviceId = deviceIn(devices[0] ?? '');
  if (devices.length !== 1 || deviceId === undefined || deviceId === '' || !fits(deviceId)) {
    throw new OAuthError('invalid_scope', `The scope must name exactly one device by ${DEVICE[0] ?? ''}<ID>`);
  }
  const known = tokens.filter((token) => FULL_ACCESS.includes(token) || devices.includes(token));
  return { text: known.join(' '), deviceId: deviceId as DeviceId };
}

function deviceIn(token: string): string | undefined {
  const prefix = DEVICE.find((one) => token.startsWith(one));
  return prefix === undefined ? undefined : token.slice(prefix.length);
}

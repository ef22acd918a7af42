import type { UserId } from '../identifiers.ts';
import type { JsonObject } from '../json.ts';
import { signJson, type SigningKey } from '../signing.ts';
import type { NamedThreepid } from './lookup-hash.ts';

/** An identifier and whose it is. Times are in milliseconds. */
export interface Association extends NamedThreepid {
  readonly mxid: UserId;
  /** When it was established. */
  readonly ts: number;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** An association with the signature of the identity server that vouches for it (`3pid/bind`). */
export function signedAssociation(association: Association, server: string, key: SigningKey): JsonObject {
  const { address, medium, mxid, ts, notBefore, notAfter } = association;
  const statement = { address, medium, mxid, ts, not_before: notBefore, not_after: notAfter };
  return signJson<JsonObject>(statement, server, key);
}

/** That the invitation with this token is one of this user, signed: the `signed` of a third-party invite. */
export function signedInvite(
  invite: { readonly mxid: UserId; readonly sender: UserId; readonly token: string },
  server: string,
  key: SigningKey,
): JsonObject {
  const { mxid, sender, token } = invite;
  return signJson<JsonObject>({ mxid, sender, token }, server, key);
}

/**
 * A mail address of which only so much is left that who knows it recognises it, such as `b...@e...`: what a room is told
 * of an invited person (`display_name` of `store-invite`).
 */
export function redactedAddress(address: string): string {
  const at = address.lastIndexOf('@');
  const first = (text: string) => [...text][0] ?? '';
  return at < 0 ? `${first(address)}...` : `${first(address)}...@${first(address.slice(at + 1))}...`;
}

import { hash } from 'node:crypto';

/** An address or a phone number, as identity servers name it. */
export interface NamedThreepid {
  readonly medium: string;
  readonly address: string;
}

/**
 * By what an identifier is looked up without being told: URL-safe unpadded base64 of the SHA-256 of address, medium and
 * pepper (Identity Service API, "Association lookup", `sha256`).
 */
export function lookupHash({ address, medium }: NamedThreepid, pepper: string): string {
  return hash('sha256', `${address} ${medium} ${pepper}`, 'base64url');
}

import { VerifyKey } from '../../protocol/signing-keys.ts';

/** A document that people agree to, in one language. */
export interface PolicyText {
  readonly id: string;
  readonly version: string;
  readonly language: string;
  readonly title: string;
  readonly url: string;
}

/** A key that the server signed with before. */
export interface OldKeyText {
  readonly keyId: string;
  readonly publicKey: string;
  /** When it was last used, in milliseconds since the epoch. */
  readonly expiredAt: number;
}

/** Reads a policy, `ID|version|language|title|address`; undefined where a text is none. */
export function policyOf(text: string): PolicyText | undefined {
  const [id, version, language, title, url, ...rest] = text.split('|').map((part) => part.trim());
  const isWhole = id && version && language && title && url && rest.length === 0;
  return isWhole && isWebAddress(url) ? { id, version, language, title, url } : undefined;
}

/** Reads an old key, `ed25519:id key-in-base64 milliseconds`; undefined where a text is none. */
export function oldKeyOf(text: string): OldKeyText | undefined {
  const [, keyId, publicKey, expired] = /^(ed25519:\w+) +(\S+) +(\d{1,15})$/.exec(text) ?? [];
  if (keyId === undefined || publicKey === undefined) return undefined;
  try {
    return { keyId, publicKey: VerifyKey.of(publicKey).publicKey, expiredAt: Number(expired) };
  } catch {
    return undefined;
  }
}

/** Whether a text is an address of the web. */
export function isWebAddress(text: string): boolean {
  return /^https?:\/\/[^\s/]/i.test(text) && URL.canParse(text);
}

/** Whether a text is an address of a client, of the web or with the scheme of an app. A host with a port is none. */
export function isClientAddress(text: string): boolean {
  if (/^https?:/i.test(text)) return isWebAddress(text);
  return /^[a-z][a-z0-9+.-]*:(?!\d+(\/|$))\S+$/i.test(text) && URL.canParse(text);
}

/** Whether a text is an Ed25519 public key in unpadded base64. */
export function isPublicKey(text: string): boolean {
  try {
    return VerifyKey.of(text).publicKey === text;
  } catch {
    return false;
  }
}

/**
 * Reads `host:port` of somebody who is asked over HTTP, as the host of an address names it: in small letters, and without
 * the port where that is 80. Undefined where a text is none.
 */
export function httpHostOf(text: string): string | undefined {
  if (/[\s/?#@]/.test(text) || !URL.canParse(`http://${text}`)) return undefined;
  return new URL(`http://${text}`).host;
}

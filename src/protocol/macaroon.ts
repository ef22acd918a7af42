import { createHmac, timingSafeEqual } from 'node:crypto';

/** A token whose holder may narrow what it is good for (Birgisson et al., "Macaroons", 2014). */
export interface Macaroon {
  readonly location: string;
  readonly identifier: string;
  /** Conditions, all of which have to hold. */
  readonly caveats: readonly string[];
  readonly signature: Buffer;
}

/** Longest token that is looked at, in characters. */
const LONGEST = 8_192;
const LENGTH_DIGITS = 4;
const KEY_LABEL = Buffer.alloc(32);
KEY_LABEL.write('macaroons-key-generator');

/** Makes a macaroon, signed with a secret. */
export function mintMacaroon(
  secret: Uint8Array,
  content: { location: string; identifier: string; caveats: readonly string[] },
): Macaroon {
  return { ...content, signature: signatureOf(secret, content) };
}

/** Whether a macaroon was made with the secret, and caveats were only ever added since. */
export function isMacaroonSigned(secret: Uint8Array, macaroon: Macaroon): boolean {
  const expected = signatureOf(secret, macaroon);
  return macaroon.signature.length === expected.length && timingSafeEqual(macaroon.signature, expected);
}

/** The macaroon with one condition more: whoever holds it can do this, without the secret. */
export function withCaveat(macaroon: Macaroon, caveat: string): Macaroon {
  const signature = hmac(macaroon.signature, caveat);
  return { ...macaroon, caveats: [...macaroon.caveats, caveat], signature };
}

/** A macaroon as text: the packets of libmacaroons, version 1, in base64url. */
export function encodeMacaroon({ location, identifier, caveats, signature }: Macaroon): string {
  return Buffer.concat([
    packet('location', Buffer.from(location)),
    packet('identifier', Buffer.from(identifier)),
    ...caveats.map((caveat) => packet('cid', Buffer.from(caveat))),
    packet('signature', signature),
  ]).toString('base64url');
}

/** The macaroon of a text, or undefined for one that is none. Caveats of third parties are not taken. */
export function parseMacaroon(text: string): Macaroon | undefined {
  if (text.length > LONGEST || !/^[\w-]+={0,2}$/.test(text)) return undefined;
  const packets = packetsOf(Buffer.from(text, 'base64url'));
  const [location, identifier, ...rest] = packets ?? [];
  const signature = rest.pop();
  if (location?.key !== 'location' || identifier?.key !== 'identifier' || signature?.key !== 'signature') {
    return undefined;
  }
  if (rest.some(({ key }) => key !== 'cid')) return undefined;
  return {
    location: location.value.toString('utf8'),
    identifier: identifier.value.toString('utf8'),
    caveats: rest.map(({ value }) => value.toString('utf8')),
    signature: signature.value,
  };
}

function signatureOf(
  secret: Uint8Array,
  { identifier, caveats }: { readonly identifier: string; readonly caveats: readonly string[] },
): Buffer {
  let signature = hmac(hmac(KEY_LABEL, secret), identifier);
  for (const caveat of caveats) signature = hmac(signature, caveat);
  return signature;
}

function hmac(key: Uint8Array, data: Uint8Array | string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

function packet(key: string, value: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(`${key} `), value, Buffer.from('\n')]);
  const length = (body.length + LENGTH_DIGITS).toString(16).padStart(LENGTH_DIGITS, '0');
  return Buffer.concat([Buffer.from(length), body]);
}

function packetsOf(bytes: Buffer): { key: string; value: Buffer }[] | undefined {
  const packets: { key: string; value: Buffer }[] = [];
  for (let at = 0; at < bytes.length;) {
    const digits = bytes.toString('latin1', at, at + LENGTH_DIGITS);
    const length = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : 0;
    const end = at + length;
    const space = bytes.indexOf(0x20, at + LENGTH_DIGITS);
    if (space < 0 || space >= end || end > bytes.length || bytes[end - 1] !== 0x0a) return undefined;
    const key = bytes.toString('latin1', at + LENGTH_DIGITS, space);
    packets.push({ key, value: bytes.subarray(space + 1, end - 1) });
    at = end;
  }
  return packets;
}

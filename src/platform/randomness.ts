import { randomBytes } from 'node:crypto';

/** Where unguessable values come from, so that tests can give another. */
export interface Randomness {
  bytes(count: number): Buffer;
  /** Text of letters and digits that nobody can guess. */
  opaque(length: number): string;
}

/** A random number from 0 (inclusive) to 1. */
export function drawFraction(randomness: Randomness): number {
  return randomness.bytes(4).readUInt32BE() / 2 ** 32;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** The operating system's randomness. */
export const systemRandomness: Randomness = {
  bytes: (count) => randomBytes(count),
  opaque: (length) => {
    let text = '';
    while (text.length < length) {
      for (const byte of randomBytes(length)) {
        const at = byte & 63;
        if (at < ALPHABET.length && text.length < length) text += ALPHABET.charAt(at);
      }
    }
    return text;
  },
};

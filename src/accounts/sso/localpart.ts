import { isLocalpartForNewUsers } from '../../protocol/identifiers.ts';

/** Room is left for the server's name and a number. */
const LONGEST = 64;

/**
 * A localpart made of any text (Appendices, "Mapping from other character sets"): small letters, and `=` with two hexadecimal
 * digits for each byte that a localpart may not have.
 */
export function localpartFrom(text: string): string {
  let localpart = '';
  for (const char of text.toLowerCase()) {
    const isPlain = char !== '=' && isLocalpartForNewUsers(char);
    const piece = isPlain
      ? char
      : [...Buffer.from(char)].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join('');
    if (localpart.length + piece.length > LONGEST) break;
    localpart += piece;
  }
  return localpart.replace(/^_/, '=5f');
}

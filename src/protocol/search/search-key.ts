import type { RoomId } from '../identifiers.ts';

const HIGH_BITS = 0x1f_ffff;
const HIGH = 0x1_0000_0000;

/**
 * Makes the numbers under which a room's terms are kept in the index: hashes of room and term with 53 bits. Whatever is found
 * by them has to be looked at again, so it does no harm that two terms may have one number.
 */
export function searchKeys(roomId: RoomId): (term: string) => number {
  const room = mix(roomId, 0x811c_9dc5, 0x9747_b28c);
  return (term) => {
    const [high, low] = mix(term, room[0], room[1]);
    return (high & HIGH_BITS) * HIGH + low;
  };
}

/** Two hashes of a text, 32 bits each, beginning at two numbers. */
function mix(text: string, first: number, second: number): [number, number] {
  let a = first;
  let b = second;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x0100_0193);
    b = Math.imul(b ^ code, 0x85eb_ca6b);
    b ^= b >>> 13;
  }
  a = Math.imul(a ^ (a >>> 16), 0xc2b2_ae35);
  b = Math.imul(b ^ (b >>> 15), 0x27d4_eb2f);
  return [(a ^ (a >>> 13)) >>> 0, (b ^ (b >>> 16)) >>> 0];
}

import { createHash } from 'node:crypto';
import type { Randomness } from '../../platform/randomness.ts';
import { Random } from '../fuzz/random.ts';

/** Numbers that depend on nothing but the names given: the same, in whatever order others are drawn. */
export function seededBy(...names: readonly (string | number)[]): Random {
  return new Random(createHash('sha256').update(names.join('\0')).digest().readUInt32BE());
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** The randomness of one process. */
export function seededRandomness(...names: readonly (string | number)[]): Randomness {
  const random = seededBy(...names);
  return {
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => random.below(256))),
    opaque: (length) => Array.from({ length }, () => random.pick([...LETTERS])).join(''),
  };
}

import { ANY_EFFORT, compileGlob, globPart, literalPart, type TextTest } from '../glob.ts';

/** Compiles a glob that must match the whole of a lower-cased text, ignoring case. */
export function compileWholeMatch(pattern: string): TextTest {
  return compileGlob(pattern.toLowerCase());
}

/**
 * Compiles a glob that must match some part of a lower-cased text which starts and ends at a word boundary: an end of
 * the text, or next to a character that is neither an ASCII letter, a digit nor an underscore.
 *
 * The parts between stars are placed one after the other, each as far left as it goes, which leaves the most room
 * for the next; so the time is at most text length times pattern length, whatever the pattern.
 */
export function compileWordMatch(pattern: string, wildcards: 'glob' | 'literal' = 'glob'): TextTest {
  const lowered = pattern.toLowerCase();
  const parts = wildcards === 'glob' ? lowered.split(/\*+/).map(globPart) : [literalPart(lowered)];
  const last = parts.length - 1;
  const boundaries = parts.map((_, i) => boundariesOf(i === 0, i === last));
  return (text, effort = ANY_EFFORT) => {
    let from = 0;
    for (const [i, part] of parts.entries()) {
      from = part.find(text, from, effort, boundaries[i]);
      if (from < 0) return false;
    }
    return true;
  };
}

/** Whether a part that starts or ends a word may stand at a place. */
function boundariesOf(startsWord: boolean, endsWord: boolean) {
  if (!startsWord && !endsWord) return undefined;
  return (text: string, start: number, end: number) =>
    (!startsWord || isBoundary(text, start)) && (!endsWord || isBoundary(text, end));
}

/** True between two characters of a text of which at least one is no word character, and at both ends. */
function isBoundary(text: string, at: number): boolean {
  return !isWordCharacter(text.charCodeAt(at - 1)) || !isWordCharacter(text.charCodeAt(at));
}

function isWordCharacter(code: number): boolean {
  if (code >= 0x61) return code <= 0x7a;
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || code === 0x5f;
}

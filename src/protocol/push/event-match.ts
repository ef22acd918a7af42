import { compileGlob } from '../glob.ts';

/** Says whether a text matches. `lowered` is the text in lower case. */
export type TextMatcher = (lowered: string) => boolean;

/** Compiles a glob that must match the whole of a lower-cased text, ignoring case. */
export function compileWholeMatch(pattern: string): TextMatcher {
  const lowered = pattern.toLowerCase();
  if (!/[*?]/.test(lowered)) return (text) => text === lowered;
  const glob = compileGlob(lowered);
  return (text) => glob(text);
}

/**
 * Compiles a glob that must match some part of a lower-cased text which starts and ends at a word boundary: an end of
 * the text, or next to a character that is neither an ASCII letter, a digit nor an underscore.
 *
 * The parts between stars are placed one after the other, each as far left as it goes, which leaves the most room
 * for the next; so the time is at most text length times pattern length, whatever the pattern.
 */
export function compileWordMatch(pattern: string, wildcards: 'glob' | 'literal' = 'glob'): TextMatcher {
  const lowered = pattern.toLowerCase();
  const parts =
    wildcards === 'glob' ? lowered.split(/\*+/).map((part) => compilePart(part)) : [literalPart(lowered)];
  return (text) => {
    let from = 0;
    for (const [i, part] of parts.entries()) {
      const end = part.find(text, from, i === 0, i === parts.length - 1);
      if (end < 0) return false;
      from = end;
    }
    return true;
  };
}

interface Part {
  /** Index just after the leftmost place at or after `from`, or -1. */
  find(text: string, from: number, startsWord: boolean, endsWord: boolean): number;
}

function literalPart(text: string): Part {
  return partOf(text, () => text.length);
}

function compilePart(part: string): Part {
  if (!part.includes('?')) return literalPart(part);
  return partOf(part.slice(0, part.indexOf('?')), wildcardLength(part));
}

/** @param literal what the part starts with, by which to look for it. */
function partOf(literal: string, lengthAt: (text: string, at: number) => number): Part {
  return {
    find(text, from, startsWord, endsWord) {
      for (let at = text.indexOf(literal, from); at >= 0; at = text.indexOf(literal, at + 1)) {
        const length = lengthAt(text, at);
        const fits = length >= 0 && (!startsWord || isBoundary(text, at));
        if (fits && (!endsWord || isBoundary(text, at + length))) return at + length;
        if (at >= text.length) return -1;
      }
      return -1;
    },
  };
}

/** Length that a part with question marks takes up at a place of a text, or -1 if it does not match there. */
function wildcardLength(part: string): (text: string, at: number) => number {
  const characters = [...part];
  return (text, start) => {
    let at = start;
    for (const character of characters) {
      const code = text.codePointAt(at);
      if (code === undefined) return -1;
      const found = String.fromCodePoint(code);
      if (character !== '?' && character !== found) return -1;
      at += found.length;
    }
    return at - start;
  };
}

/** True between two characters of a text of which at least one is no word character, and at both ends. */
function isBoundary(text: string, at: number): boolean {
  return !isWordCharacter(text.charCodeAt(at - 1)) || !isWordCharacter(text.charCodeAt(at));
}

function isWordCharacter(code: number): boolean {
  if (code >= 0x61) return code <= 0x7a;
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || code === 0x5f;
}

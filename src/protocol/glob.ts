/**
 * Whether a whole text matches a glob: `*` stands for any number of characters, `?` for exactly one (Appendices,
 * "glob-style matching"). Case matters. Takes time proportional to pattern and text multiplied at worst, never more: it is
 * for texts as short as names are.
 */
export function matchGlob(pattern: string, text: string): boolean {
  let [p, t] = [0, 0];
  let [star, resume] = [-1, 0];
  while (t < text.length) {
    const wanted = pattern[p];
    if (wanted === '*') {
      star = p++;
      resume = t;
    } else if (wanted !== undefined && (wanted === '?' || wanted === text[t])) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      resume += 1;
      t = resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/** What looking for patterns may still cost: about as many steps as characters are looked at. */
export interface Effort {
  left: number;
}

/** Whether a text matches. Where the effort is used up, it does not. */
export type TextTest = (text: string, effort?: Effort) => boolean;

/** A part of a glob, between two stars. */
export interface GlobPart {
  /** Length that it takes up at a place of a text, in UTF-16 code units, or -1 if it does not match there. */
  lengthAt(text: string, at: number): number;
  /**
   * Index just after the leftmost place at or after `from` where it matches, and `fits` if that is given; or -1, also
   * where the effort is used up.
   */
  find(
    text: string,
    from: number,
    effort: Effort,
    fits?: (text: string, start: number, end: number) => boolean,
  ): number;
  /** Whether it matches at the end of a text, in what comes after `from`. */
  isAtEnd(text: string, from: number): boolean;
}

/** Takes no notice of what it costs. */
export const ANY_EFFORT: Effort = { left: Infinity };
/** A text so long is found in a time that goes with the length of what it is looked for in, whatever both are made of. */
const LONGEST_SOUGHT = 64;
/** Steps that coming to a place costs, beside the characters that are looked at there. */
const STEPS_OF_PLACE = 8;
const ANY_CHARACTER = -1;

/**
 * A test for one glob, to be used many times. The parts between stars are placed one after the other, each as far left as it
 * goes, which leaves the most room for the next.
 */
export function compileGlob(pattern: string): TextTest {
  if (!/[*?]/.test(pattern)) return (text) => text === pattern;
  const [first, ...others] = pattern.split(/\*+/).map(globPart);
  const last = others.pop();
  if (!first) return () => false;
  if (!last) return (text) => first.lengthAt(text, 0) === text.length;
  return (text, effort = ANY_EFFORT) => {
    effort.left -= pattern.length;
    let from = first.lengthAt(text, 0);
    for (const part of others) from = from < 0 ? from : part.find(text, from, effort);
    return from >= 0 && last.isAtEnd(text, from);
  };
}

/** Makes ready what stands between two stars of a glob. */
export function globPart(part: string): GlobPart {
  return part.includes('?') ? wildcardPart(part) : literalPart(part);
}

/** Makes ready a text in which no character stands for others. */
export function literalPart(literal: string): GlobPart {
  const { length } = literal;
  const lengthAt = (text: string, at: number) => (text.startsWith(literal, at) ? length : -1);
  return {
    lengthAt,
    find: finder(literal, length, lengthAt),
    isAtEnd: (text, from) => text.length - length >= from && text.endsWith(literal),
  };
}

function wildcardPart(part: string): GlobPart {
  const wanted = [...part].map((one) => (one === '?' ? ANY_CHARACTER : (one.codePointAt(0) ?? 0)));
  const lengthAt = (text: string, start: number): number => {
    let at = start;
    for (const one of wanted) {
      const found = text.codePointAt(at);
      if (found === undefined || (one !== ANY_CHARACTER && one !== found)) return -1;
      at += found > 0xffff ? 2 : 1;
    }
    return at - start;
  };
  return {
    lengthAt,
    find: finder(part.slice(0, part.indexOf('?')), part.length, lengthAt),
    isAtEnd: (text, from) => {
      const start = startOfLast(text, wanted.length);
      return start >= from && lengthAt(text, start) === text.length - start;
    },
  };
}

/** @param literal what the part starts with. */
function finder(literal: string, partLength: number, lengthAt: GlobPart['lengthAt']): GlobPart['find'] {
  const sought = literal.slice(0, LONGEST_SOUGHT);
  return (text, from, effort, fits) => {
    let next = from;
    while (effort.left > 0 && next <= text.length) {
      const at = text.indexOf(sought, next);
      if (at < 0) {
        effort.left -= text.length - next;
        return -1;
      }
      effort.left -= at - next + partLength + STEPS_OF_PLACE;
      const length = lengthAt(text, at);
      if (length >= 0 && (!fits || fits(text, at, at + length))) return at + length;
      next = at + 1;
    }
    return -1;
  };
}

/** Where the last so many characters of a text begin, or -1 if there are not so many. */
function startOfLast(text: string, count: number): number {
  let at = text.length;
  for (let left = count; left > 0; left--) {
    const isPair = at > 1 && (text.codePointAt(at - 2) ?? 0) > 0xffff;
    at -= isPair ? 2 : 1;
  }
  return Math.max(at, -1);
}

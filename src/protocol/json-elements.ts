const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
/** What tells a brace from a bracket, which are alike in all other bits. */
const BRACE = 0x20;
const OPENING = 0x7b;
const CLOSING = 0x7d;
/** How deep the elements of arrays are that are members of an object. */
const DEPTH = 2;

/** One element of an array in an object. */
export interface JsonElement {
  /** The array's name in the object. */
  readonly key: string;
  /** The element's JSON. Whether it is well formed shows when it is parsed. */
  readonly text: string;
}

/**
 * The elements of all arrays that are members of a JSON object, in turn. What is read of the text is not kept, and the
 * elements are not parsed: so that one need not hold what a large text says at once.
 *
 * @param json UTF-8. Of what is no such object elements come out that are not JSON, or none.
 */
export function* elementsOfArrays(json: Buffer): Generator<JsonElement> {
  let depth = 0;
  let key = '';
  let start = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) {
      const end = endOfString(json, at);
      if (depth === DEPTH - 1) key = json.toString('utf8', at + 1, end);
      at = end;
    } else if ((byte | BRACE) === OPENING) {
      depth += 1;
      if (depth === DEPTH) start = at + 1;
    } else if (depth === DEPTH && (byte === COMMA || (byte | BRACE) === CLOSING)) {
      const text = json.toString('utf8', start, at).trim();
      if (text !== '') yield { key, text };
      start = at + 1;
      if (byte !== COMMA) depth -= 1;
    } else if ((byte | BRACE) === CLOSING) {
      depth -= 1;
    }
  }
}

/** Where the string ends that begins at a quotation mark. */
function endOfString(json: Buffer, begin: number): number {
  let at = begin + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}

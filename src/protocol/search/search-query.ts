import { foldText, piecesOf, termsOfPiece, type TextPiece } from './search-text.ts';

/** Terms that a query asks the index for; the others are only looked for in what was found by these. */
const MOST_INDEXED_TERMS = 8;
/** Words of a query; further ones are ignored. */
const MOST_PIECES = 32;

/** What somebody searches for: all of some words, in any order (Client-Server API, "Server Side Search"). */
export class SearchQuery {
  /** Terms to ask the index for, those that are probably rare first. Empty when the query has no word at all. */
  readonly terms: readonly string[];
  /** Words for a client to mark in the results. */
  readonly highlights: readonly string[];
  readonly #pieces: readonly TextPiece[];

  constructor(text: string) {
    this.#pieces = unique(piecesOf(foldText(text))).slice(0, MOST_PIECES);
    const written = piecesOf(text.normalize('NFKC').toLowerCase()).slice(0, MOST_PIECES);
    this.highlights = unique([...written, ...this.#pieces]).map((piece) => piece.text);
    const terms = new Set(this.#pieces.flatMap(indexedTerms));
    this.terms = [...terms].sort((a, b) => b.length - a.length).slice(0, MOST_INDEXED_TERMS);
  }

  /**
   * How well a text matches: more for words that it has often, less for long texts. Undefined when a word is missing.
   */
  rank(text: string): number | undefined {
    const folded = foldText(text);
    const pieces = piecesOf(folded);
    let sum = 0;
    for (const wanted of this.#pieces) {
      const found = pieces.filter((piece) => holds(piece, wanted)).length;
      if (found === 0) return undefined;
      sum += 1 + Math.log(found);
    }
    return sum / Math.sqrt(this.#pieces.length * Math.max(1, pieces.length));
  }
}

/** Pairs say more than single characters, which are asked for only where there is nothing else. */
function indexedTerms(piece: TextPiece): string[] {
  const terms = termsOfPiece(piece);
  const pairs = piece.isRun ? terms.slice((terms.length + 1) / 2) : terms;
  return pairs.length > 0 ? pairs : terms;
}

function holds(piece: TextPiece, wanted: TextPiece): boolean {
  if (piece.isRun !== wanted.isRun) return false;
  return wanted.isRun ? piece.text.includes(wanted.text) : piece.text === wanted.text;
}

function unique(pieces: readonly TextPiece[]): TextPiece[] {
  const seen = new Set<string>();
  return pieces.filter((piece) => !seen.has(piece.text) && seen.add(piece.text));
}

/** Scripts that are written without spaces, or whose words take endings that nobody searches for. */
const RUNNING =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}\p{sc=Hangul}]/u;
const ACCENTED = /([\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}])\p{M}+/gu;
const PIECES = /[\p{L}\p{N}\p{M}]+/gu;
// Most texts have no other characters, for which nothing of the above is needed.
const ASCII = /^[\x00-\x7f]*$/;
const ASCII_WORDS = /[a-z0-9]+/g;

/** A part of a text: a word, or a run of a script without spaces. */
export interface TextPiece {
  readonly text: string;
  readonly isRun: boolean;
}

/** The text as it is compared: one form for each character, lower case, Latin, Greek and Cyrillic without accents. */
export function foldText(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  return text.normalize('NFKC').toLowerCase().normalize('NFD').replace(ACCENTED, '$1').normalize('NFC');
}

/** The words and runs of a folded text, in order. */
export function piecesOf(folded: string): TextPiece[] {
  if (ASCII.test(folded)) return (folded.match(ASCII_WORDS) ?? []).map((text) => ({ text, isRun: false }));
  const pieces: TextPiece[] = [];
  for (const [piece] of folded.matchAll(PIECES)) {
    if (!RUNNING.test(piece)) pieces.push({ text: piece, isRun: false });
    else pieces.push(...splitByScript(piece));
  }
  return pieces;
}

/** What a piece is found by: itself if it is a word; the characters of a run and their pairs. */
export function termsOfPiece(piece: TextPiece): string[] {
  if (!piece.isRun) return [piece.text];
  const characters = Array.from(piece.text);
  const pairs = characters.slice(1).map((character, i) => `${characters[i] ?? ''}${character}`);
  return [...characters, ...pairs];
}

function splitByScript(piece: string): TextPiece[] {
  const parts: { text: string; isRun: boolean }[] = [];
  for (const character of piece) {
    const last = parts.at(-1);
    const isRun = isRunning(character, last?.isRun);
    if (last?.isRun === isRun) last.text += character;
    else parts.push({ text: character, isRun });
  }
  return parts;
}

/** Marks belong to the character before them. */
function isRunning(character: string, before: boolean | undefined): boolean {
  return before !== undefined && /^\p{M}$/u.test(character) ? before : RUNNING.test(character);
}

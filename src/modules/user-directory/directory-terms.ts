/** Terms that a name is found by, and characters of each. */
const MOST_TERMS = 16;
const LONGEST_TERM = 64;

/** A text as it is compared: compatible forms of characters and capital letters make no difference. */
export function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** The words of a text, at most 16 of at most 64 characters. */
export function wordsOf(text: string): string[] {
  const words = folded(text.slice(0, 1_024)).match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  return [...new Set(words.map((word) => clipped(word)))].slice(0, MOST_TERMS);
}

/** What a user ID is found by: itself without its sigil, and the words of its localpart. */
export function termsOfUserId(userId: string): Set<string> {
  const localpart = userId.slice(1, userId.indexOf(':'));
  return new Set([folded(userId.slice(1)), ...wordsOf(localpart)]);
}

/** What a display name is found by: its words. */
export function termsOfName(name: string): Set<string> {
  return new Set(wordsOf(name));
}

function clipped(word: string): string {
  return word.slice(0, LONGEST_TERM).toWellFormed();
}

/**
 * Whether people would take a name for what it is (draft "human-id-rules" of 2015): it has no characters that do not show, and
 * its letters are of one script, or of scripts that one language is written in together.
 *
 * @param localpart - What stands between the sigil and the server's name.
 */
export function isHumanReadable(localpart: string): boolean {
  if (/[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u.test(localpart)) return false;
  const scripts = new Set<string>();
  for (const letter of localpart.match(/\p{L}/gu) ?? []) scripts.add(scriptOf(letter));
  scripts.delete(COMMON);
  return scripts.size < 2 || TOGETHER.some((those) => [...scripts].every((script) => those.includes(script)));
}

const COMMON = 'Common';
/** Scripts that look alike, or that are written together. All others are taken for one. */
const SCRIPTS = [
  'Arabic',
  'Armenian',
  'Bengali',
  'Bopomofo',
  'Cherokee',
  'Coptic',
  'Cyrillic',
  'Devanagari',
  'Ethiopic',
  'Georgian',
  'Greek',
  'Gujarati',
  'Gurmukhi',
  'Han',
  'Hangul',
  'Hebrew',
  'Hiragana',
  'Kannada',
  'Katakana',
  'Khmer',
  'Lao',
  'Latin',
  'Malayalam',
  'Mongolian',
  'Myanmar',
  'Sinhala',
  'Tamil',
  'Telugu',
  'Thaana',
  'Thai',
  'Tibetan',
] as const;
const PATTERNS = [COMMON, ...SCRIPTS].map(
  (script) => [script, new RegExp(`\\p{Script=${script}}`, 'u')] as const,
);
/** Japanese, Korean and Chinese. */
const TOGETHER: readonly (readonly string[])[] = [
  ['Han', 'Hiragana', 'Katakana'],
  ['Han', 'Hangul'],
  ['Han', 'Bopomofo'],
];

function scriptOf(letter: string): string {
  return PATTERNS.find(([, pattern]) => pattern.test(letter))?.[0] ?? 'other';
}

/** The classes of characters that POSIX names, as they are in its own locale, in the words of JavaScript. */
const CLASSES: ReadonlyMap<string, string> = new Map([
  ['alnum', '0-9A-Za-z'],
  ['alpha', 'A-Za-z'],
  ['blank', ' \\t'],
  ['cntrl', '\\x00-\\x1f\\x7f'],
  ['digit', '0-9'],
  ['graph', '!-~'],
  ['lower', 'a-z'],
  ['print', ' -~'],
  ['punct', '!-\\/:-@\\[-`{-~'],
  ['space', ' \\t-\\r'],
  ['upper', 'A-Z'],
  ['xdigit', '0-9A-Fa-f'],
]);

/** A character that is escaped; or a bracket expression: whether it negates, has a bracket as its first, and the rest. */
const PARTS = /\\[^]|\[(\^?)(\]?)((?:\\[^]|\[:[a-z]*:\]|[^\]\\])*)\]/g;
const WITHIN = /\\[^]|\[:([a-z]*):\]/g;

/**
 * A POSIX regular expression in the words of JavaScript. They differ within brackets: there are classes such as `[:alnum:]`,
 * and a bracket that would close at once stands for itself.
 *
 * @throws Error for a class that POSIX does not have.
 */
export function fromPosix(source: string): string {
  return source.replaceAll(PARTS, (part: string, negates?: string, bracket?: string, rest?: string) => {
    if (rest === undefined) return part;
    return `[${negates}${bracket === ']' ? '\\]' : ''}${rest.replaceAll(WITHIN, classOf)}]`;
  });
}

function classOf(part: string, name: string | undefined): string {
  if (name === undefined) return part;
  const found = CLASSES.get(name);
  if (found === undefined)
    throw new Error(`there is no class ${part}, but ${[...CLASSES.keys()].join(', ')}`);
  return found;
}

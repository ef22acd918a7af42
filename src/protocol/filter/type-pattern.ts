/** Says whether an event type is in a list of types. */
export type TypeMatcher = (type: string) => boolean;

/**
 * Compiles a list of event types in which `*` stands for any characters and everything else for itself, as filters
 * have it (unlike globs elsewhere, `?` is no wildcard). Time is at most type length times pattern length.
 */
export function compileTypeList(patterns: readonly string[]): TypeMatcher {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const wild = patterns.filter((pattern) => pattern.includes('*')).map(compileWildcard);
  return (type) => exact.has(type) || wild.some((matches) => matches(type));
}

function compileWildcard(pattern: string): TypeMatcher {
  const [start = '', ...rest] = pattern.split(/\*+/);
  const end = rest.pop() ?? '';
  return (type) => {
    if (type.length < start.length + end.length || !type.startsWith(start) || !type.endsWith(end))
      return false;
    const limit = type.length - end.length;
    let from = start.length;
    for (const part of rest) {
      const at = type.indexOf(part, from);
      if (at < 0 || at + part.length > limit) return false;
      from = at + part.length;
    }
    return true;
  };
}

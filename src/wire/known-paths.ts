/** A path with `:name` for parameters, in its segments, and the methods that it takes. */
interface KnownPath {
  readonly segments: readonly string[];
  readonly methods: ReadonlySet<string>;
}

/**
 * Which paths there are, whatever the method. The router knows them by method, and to tell it of every method that a path
 * does not take would make it several times as large.
 */
export class KnownPaths {
  /** By the number of segments. */
  readonly #byLength = new Map<number, KnownPath[]>();

  /** @param methodsByPath of everything that is registered. */
  constructor(methodsByPath: ReadonlyMap<string, ReadonlySet<string>>) {
    for (const [path, methods] of methodsByPath) {
      const known = { segments: path.split('/'), methods: new Set(methods) };
      const alike = this.#ofLength(known.segments.length);
      alike.push(known);
      this.#byLength.set(known.segments.length, alike);
    }
  }

  /** The methods that the path of a request takes, by the most exact pattern for it; undefined where nothing is there. */
  methodsAt(path: string): ReadonlySet<string> | undefined {
    const segments = path.split('/').map(decoded);
    let found: KnownPath | undefined;
    for (const known of this.#ofLength(segments.length)) {
      const fits = known.segments.every((segment, i) => isParameter(segment) || segment === segments[i]);
      if (fits && (!found || isMoreExact(known, found))) found = known;
    }
    return found?.methods;
  }

  /** Whether a request for a path, with a method that it does not take, could come to another path that does take it. */
  isBeside(path: string, method: string): boolean {
    const segments = path.split('/');
    return this.#ofLength(segments.length).some(
      (known) =>
        known.methods.has(method) && known.segments.every((segment, i) => meet(segment, segments[i])),
    );
  }

  #ofLength(length: number): KnownPath[] {
    return this.#byLength.get(length) ?? [];
  }
}

function isParameter(segment: string): boolean {
  return segment.startsWith(':');
}

function meet(one: string, other = ''): boolean {
  return one === other || isParameter(one) || isParameter(other);
}

/** The first segment in which one has a name where the other takes anything decides, as in the router. */
function isMoreExact(one: KnownPath, other: KnownPath): boolean {
  for (const [i, segment] of one.segments.entries()) {
    if (isParameter(segment) !== isParameter(other.segments[i] ?? '')) return !isParameter(segment);
  }
  return false;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

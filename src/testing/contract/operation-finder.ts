/** Something that answers on a path with a method, such as an operation of the specification. */
interface Located {
  readonly method: string;
  /** With `{name}` for parameters. */
  readonly path: string;
}

interface Candidate<Of> {
  readonly pattern: RegExp;
  readonly parameters: number;
  readonly of: Of;
}

/**
 * Finds by method and path which operation a request was meant for. Paths of old releases (`r0`) stand for today's; of
 * paths that fit, the one with the fewest parameters is meant. Some operations share a path, and differ in their bodies.
 */
export class OperationFinder<Of extends Located> {
  readonly #byMethod = new Map<string, Candidate<Of>[]>();

  constructor(operations: Iterable<Of>) {
    for (const of of operations) {
      const list = this.#byMethod.get(of.method) ?? [];
      this.#byMethod.set(of.method, list);
      list.push({ pattern: patternOf(of.path.trim()), parameters: of.path.split('{').length, of });
    }
    for (const list of this.#byMethod.values()) list.sort((a, b) => a.parameters - b.parameters);
  }

  /** `path` is as it was sent, without the query. */
  find(method: string, path: string): Of[] {
    const today = path.replace(/^(\/_matrix\/(?:client|media))\/r0\//, '$1/v3/');
    const fitting = (this.#byMethod.get(method) ?? []).filter(({ pattern }) => pattern.test(today));
    return fitting.filter(({ parameters }) => parameters === fitting[0]?.parameters).map(({ of }) => of);
  }
}

/** The last parameter of a path may be empty, as a state key is, and its slash left out then. */
function patternOf(path: string): RegExp {
  const escaped = path.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
  const text = escaped.replace(/\/\{stateKey\}$/, '(?:/[^/]*)?').replace(/\{[^}]+\}/g, '[^/]+');
  return new RegExp(`^${text}$`);
}

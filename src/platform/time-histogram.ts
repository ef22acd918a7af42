/** How often something took how long, by labels, in the text format of Prometheus (version 0.0.4). */
export class TimeHistogram<Label extends string> {
  readonly #name: string;
  readonly #help: string;
  readonly #labels: readonly Label[];
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  /** @param options.bounds upper ends of the buckets, in seconds, ascending. */
  constructor(options: { name: string; help: string; labels: readonly Label[]; bounds: readonly number[] }) {
    this.#name = options.name;
    this.#help = options.help;
    this.#labels = options.labels;
    this.#bounds = options.bounds;
  }

  /** What counts for these values of the labels; to be kept by who counts often. */
  series(values: Readonly<Record<Label, string>>): Series {
    const text = this.#labels.map((label) => `${label}="${escaped(values[label])}"`).join(',');
    const known = this.#series.get(text) ?? new Series(this.#bounds);
    this.#series.set(text, known);
    return known;
  }

  /** All of it, as lines. */
  text(): string {
    const lines = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} histogram`];
    for (const [labels, series] of this.#series) {
      for (const [bound, count] of series.cumulative())
        lines.push(`${this.#name}_bucket{le="${bound}",${labels}} ${count}`);
      lines.push(`${this.#name}_sum{${labels}} ${series.sum}`);
      lines.push(`${this.#name}_count{${labels}} ${series.count}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

/** The counts for one combination of labels. */
class Series {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(seconds: number): void {
    this.sum += seconds;
    this.count += 1;
    const at = this.#bounds.findIndex((bound) => seconds <= bound);
    if (at >= 0) this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** How many took at most so long, for each bound and for all. */
  *cumulative(): Generator<[bound: string, count: number]> {
    let sum = 0;
    for (const [i, bound] of this.#bounds.entries()) yield [String(bound), (sum += this.#counts[i] ?? 0)];
    yield ['+Inf', this.count];
  }
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** The elements that are open at a place of a page. What it tells takes the same time however many there are. */
export class OpenElements {
  readonly #names: string[] = [];
  readonly #counts = new Map<string, number>();
  readonly #special: ReadonlySet<string>;
  #specials = 0;

  /** @param special names of elements of which is told whether any is open. */
  constructor(special: ReadonlySet<string>) {
    this.#special = special;
  }

  get depth(): number {
    return this.#names.length;
  }

  get innermost(): string | undefined {
    return this.#names.at(-1);
  }

  /** Whether one of the special elements is open. */
  get isInSpecial(): boolean {
    return this.#specials > 0;
  }

  has(name: string): boolean {
    return (this.#counts.get(name) ?? 0) > 0;
  }

  open(name: string): void {
    this.#names.push(name);
    this.#count(name, 1);
  }

  /** Closes the innermost element of that name, if one is open, and all within it. */
  close(name: string): void {
    if (!this.has(name)) return;
    for (let last = this.#names.pop(); last !== undefined; last = this.#names.pop()) {
      this.#count(last, -1);
      if (last === name) return;
    }
  }

  #count(name: string, change: 1 | -1): void {
    const count = (this.#counts.get(name) ?? 0) + change;
    if (count > 0) this.#counts.set(name, count);
    else this.#counts.delete(name);
    if (this.#special.has(name)) this.#specials += change;
  }
}

/**
 * A cache that holds what is in use. An entry goes when it was not used for so many uses of others as it says: to make it anew
 * once in that many costs nothing that could be felt, and after a busy time no memory is held by what was only used then.
 * It is kept in two generations: what is used comes into the younger one, and the older one is dropped as a whole.
 */
export class UsedLately<Key, Value> {
  readonly #entries: number;
  readonly #uses: number;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();
  #usesLeft: number;

  /**
   * @param most entries at most.
   * @param uses look-ups after which an entry that was in none of them may go; after twice as many it has gone.
   */
  constructor(most: number, uses: number) {
    this.#entries = most / 2;
    this.#uses = uses;
    this.#usesLeft = uses;
  }

  get(key: Key): Value | undefined {
    this.#usesLeft -= 1;
    if (this.#usesLeft <= 0) this.#turn();
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** As `get`, which does not count as a use. */
  peek(key: Key): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#entries && !this.#young.has(key)) this.#turn();
    this.#old.delete(key);
    this.#young.set(key, value);
  }

  delete(key: Key): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  *values(): Generator<Value> {
    yield* this.#young.values();
    yield* this.#old.values();
  }

  #turn(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#usesLeft = this.#uses;
  }
}

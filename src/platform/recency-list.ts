interface Node<Key> {
  readonly key: Key;
  newer: Node<Key> | undefined;
  older: Node<Key> | undefined;
}

/** Keys in the order in which they were last touched. Each step takes the same time, however many there are. */
export class RecencyList<Key> {
  readonly #nodes = new Map<Key, Node<Key>>();
  #newest: Node<Key> | undefined;

  get size(): number {
    return this.#nodes.size;
  }

  has(key: Key): boolean {
    return this.#nodes.has(key);
  }

  /** Makes the key the newest. */
  touch(key: Key): void {
    if (this.#newest?.key === key) return;
    this.delete(key);
    const node: Node<Key> = { key, newer: undefined, older: this.#newest };
    if (this.#newest) this.#newest.newer = node;
    this.#newest = node;
    this.#nodes.set(key, node);
  }

  delete(key: Key): boolean {
    const node = this.#nodes.get(key);
    if (!node) return false;
    if (node.newer) node.newer.older = node.older;
    else this.#newest = node.older;
    if (node.older) node.older.newer = node.newer;
    return this.#nodes.delete(key);
  }

  /** The keys, newest first. */
  *newestFirst(): Generator<Key> {
    for (let node = this.#newest; node; node = node.older) yield node.key;
  }
}

/** A binary heap: hands back the least of what it holds, by the order given. */
export class PriorityQueue<T> {
  #isLess: (a: T, b: T) => boolean;
  #heap: T[] = [];

  constructor(isLess: (a: T, b: T) => boolean) {
    this.#isLess = isLess;
  }

  get size(): number {
    return this.#heap.length;
  }

  push(item: T): void {
    const heap = this.#heap;
    let at = heap.push(item) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as T;
      if (!this.#isLess(item, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = item;
  }

  /** Removes and returns the least item, or returns undefined when empty. */
  pop(): T | undefined {
    const heap = this.#heap;
    const least = heap[0];
    const last = heap.pop();
    if (heap.length > 0) this.#sink(last as T);
    return least;
  }

  #sink(item: T): void {
    const heap = this.#heap;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && this.#isLess(heap[child + 1] as T, heap[child] as T)) child++;
      const lesser = heap[child] as T;
      if (!this.#isLess(lesser, item)) break;
      heap[at] = lesser;
      at = child;
    }
    heap[at] = item;
  }
}

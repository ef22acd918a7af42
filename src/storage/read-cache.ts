import type { LRUCache } from 'lru-cache';
import type { Change, Database } from './database.ts';

/**
 * What was read from the database, in memory until a change is told that outdates it. What is read while such a change is
 * told may be of before: whoever asked is given it, and it is not kept. Who asks for an entry that is just being read waits
 * for the same read.
 */
export class ReadCache<Key extends NonNullable<unknown>, Value extends NonNullable<unknown>> {
  readonly #entries: LRUCache<Key, Value>;
  readonly #reads = new Map<Key, Promise<Value>>();

  /**
   * @param entries holds what is kept, as much as the owner wants, such as a `boundedCache`. Only this class may change it.
   * @param outdated the keys of the entries that a change outdates; `all` for every one. Where changes were missed
   *   (`reset`), it is not asked: all are dropped.
   */
  constructor(
    database: Database,
    entries: LRUCache<Key, Value>,
    outdated: (change: Change) => readonly Key[] | 'all',
  ) {
    this.#entries = entries;
    database.subscribe((changes) => {
      for (const change of changes) {
        const keys = change.topic === 'reset' ? 'all' : outdated(change);
        if (keys === 'all') this.#forgetAll();
        else for (const key of keys) this.forget(key);
      }
    });
  }

  /** The entry: at once where it is in memory. */
  get(key: Key, read: () => Promise<Value>): Value | Promise<Value> {
    return this.#entries.get(key) ?? this.#reads.get(key) ?? this.#read(key, read());
  }

  /** The entry if it is in memory. */
  known(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  /** As `known`, which does not count as a use. */
  peek(key: Key): Value | undefined {
    return this.#entries.peek(key);
  }

  /** Keeps what the owner knows by other ways than reading it, such as a change that tells it. */
  set(key: Key, value: Value): void {
    this.#reads.delete(key);
    // The size of a value that has grown is counted anew only so.
    if (this.#entries.peek(key) === value) this.#entries.delete(key);
    this.#entries.set(key, value);
  }

  /** The entry is outdated. */
  forget(key: Key): void {
    this.#reads.delete(key);
    this.#entries.delete(key);
  }

  /** Whatever is just being read may be outdated. */
  outdateReads(): void {
    this.#reads.clear();
  }

  #forgetAll(): void {
    this.#reads.clear();
    this.#entries.clear();
  }

  #read(key: Key, reading: Promise<Value>): Promise<Value> {
    this.#reads.set(key, reading);
    const isCurrent = () => this.#reads.get(key) === reading;
    reading.then(
      (value) => {
        if (isCurrent()) this.set(key, value);
      },
      () => {
        if (isCurrent()) this.#reads.delete(key);
      },
    );
    return reading;
  }
}

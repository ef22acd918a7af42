import type { JsonPiece } from './endpoint.ts';

/** Characters that are encoded at once. */
const ENCODED_AT_ONCE = 65_536;

/**
 * Members of a JSON object whose text can become megabytes. It is encoded as it grows: text that waits until all of it is there
 * lives long enough to be moved about by the collector, over and over, and is made of many times as many parts.
 */
export class JsonPieces {
  readonly #encoded: JsonPiece[] = [];
  #recent: string[] = [];
  #length = 0;

  /** Adds a member. */
  add(name: string, text: string): void {
    const isFirst = this.#recent.length === 0 && this.#encoded.length === 0;
    const member = `${isFirst ? '' : ','}${JSON.stringify(name)}:${text}`;
    this.#recent.push(member);
    this.#length += member.length;
    if (this.#length < ENCODED_AT_ONCE) return;
    this.#encoded.push(Buffer.from(this.#recent.join('')));
    this.#recent = [];
    this.#length = 0;
  }

  /** What was added, with commas between the members. */
  get pieces(): readonly JsonPiece[] {
    return [...this.#encoded, ...this.#recent];
  }
}

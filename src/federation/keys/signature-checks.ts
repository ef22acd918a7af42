import { hash } from 'node:crypto';
import { boundedCache } from '../../platform/bounded-cache.ts';
import type { VerifyKey } from '../../protocol/signing.ts';

/** As many checks that are asked for together, those of a transaction, are made at once: other threads take twice the work. */
const MOST_AT_ONCE = 64;
/** Signatures that are remembered to be right. */
const MOST_REMEMBERED = 10_000;

interface Check {
  readonly key: VerifyKey;
  readonly text: string;
  readonly signature: string;
  readonly resolve: (isValid: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Checks signatures: a few at once on this thread, many on the thread pool. The same events come by many ways, in states, in
 * auth chains and of many servers, so it is remembered of texts which signatures of theirs are right.
 */
export class SignatureChecks {
  /** The hash of the text that a key made a signature of. */
  readonly #right = boundedCache<string, string>(MOST_REMEMBERED);
  readonly #mostAtOnce: number;
  #asked: Check[] = [];

  /** @param mostAtOnce more checks than this are made by the thread pool, in no certain order. */
  constructor(mostAtOnce = MOST_AT_ONCE) {
    this.#mostAtOnce = mostAtOnce;
  }

  /** Whether a base64 signature is the key's signature of the text's UTF-8 bytes. */
  async isSigned(text: string, key: VerifyKey, signature: string): Promise<boolean> {
    const name = `${key.publicKey} ${signature}`;
    const digest = hash('sha256', text, 'base64');
    if (this.#right.get(name) === digest) return true;
    const isValid = await this.#check(text, key, signature);
    if (isValid) this.#right.set(name, digest);
    return isValid;
  }

  #check(text: string, key: VerifyKey, signature: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (this.#asked.length === 0) queueMicrotask(() => this.#run());
      this.#asked.push({ key, text, signature, resolve, reject });
    });
  }

  #run(): void {
    const asked = this.#asked;
    this.#asked = [];
    if (asked.length <= this.#mostAtOnce) {
      for (const { key, text, signature, resolve } of asked) resolve(key.verify(text, signature));
      return;
    }
    // Who asked together goes on together: what the rooms of one transaction read is read at once, and what they write is
    // committed at once.
    Promise.all(asked.map(({ key, text, signature }) => key.verifyInBackground(text, signature))).then(
      (valid) => asked.forEach(({ resolve }, i) => resolve(valid[i] ?? false)),
      (error: unknown) => asked.forEach(({ reject }) => reject(error)),
    );
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { BenchUser, LoadClient } from './load-client.ts';

const LONG_POLL_MS = 20_000;

/** How long a long poll can stay open after the watch has ended, in ms. */
const END_TIMEOUT_MS = LONG_POLL_MS + 5_000;

const LIMITED = /"limited"\s*:\s*true/;

/** A failing sync is tried again this often in all, then its watcher gives up. */
const MAX_FAILURES = 20;

/** Users who long-poll /sync and note when each numbered message reaches them. */
export class Watchers {
  readonly #client: LoadClient;
  readonly #sender: LoadClient;
  readonly #tag = `watch${Date.now().toString(36)}:`;
  readonly #sentAt: number[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #failures: string[] = [];
  #loops: Promise<unknown> = Promise.resolve();
  #accepted = 0;
  #gaps = 0;
  #lastSeen = performance.now();
  #ended = false;

  private constructor(client: LoadClient, sender: LoadClient) {
    this.#client = client;
    this.#sender = sender;
  }

  /**
   * Brings each user up to date, then starts waiting for news.
   *
   * @param sender client by which messages are sent, where they are sent on another server.
   */
  static async begin(
    client: LoadClient,
    users: readonly BenchUser[],
    sender: LoadClient = client,
  ): Promise<Watchers> {
    const watchers = new Watchers(client, sender);
    // A timeout of its own makes each watch's first request a new one: a server may answer a repeated request from
    // a cache, with an old position.
    const timeoutMs = Math.floor(performance.now() % 1_000);
    const positions: string[] = [];
    for (const user of users) {
      positions.push((await client.sync(user, { timeoutMs, longTimelines: true })).nextBatch);
    }
    watchers.#loops = Promise.all(users.map((user, index) => watchers.#watch(user, positions[index] ?? '')));
    return watchers;
  }

  /** Messages that the server has accepted. */
  get sent(): number {
    return this.#accepted;
  }

  /** Answers that left out older messages because more came than a timeline may carry. */
  get gaps(): number {
    return this.#gaps;
  }

  /** From sending to arrival, one for each message and user, in ms. */
  get latenciesMs(): readonly number[] {
    return this.#latenciesMs;
  }

  /** Messages of syncs that failed. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  /** When the last message was seen, by `performance.now()`. */
  get lastSeen(): number {
    return this.#lastSeen;
  }

  async send(user: BenchUser, roomId: string, text: string): Promise<void> {
    const number = this.#sentAt.push(performance.now()) - 1;
    await this.#sender.send(user, roomId, `${this.#tag}${number};${text}`);
    this.#accepted++;
  }

  /** Waits until so many deliveries were seen, or none for a while. */
  async settle(deliveries: number, quietMs: number): Promise<void> {
    while (this.#latenciesMs.length < deliveries && performance.now() - this.#lastSeen < quietMs)
      await delay(10);
  }

  /** Wakes everyone who waits with one more message, and waits for them to stop. */
  async end(sender: BenchUser, roomId: string): Promise<void> {
    this.#ended = true;
    await this.#sender.send(sender, roomId, 'the end');
    const gaveUp = new AbortController();
    await Promise.race([
      this.#loops,
      delay(END_TIMEOUT_MS, undefined, { signal: gaveUp.signal }).catch(() => undefined),
    ]);
    gaveUp.abort();
  }

  async #watch(user: BenchUser, position: string): Promise<void> {
    let since = position;
    let failures = 0;
    while (!this.#ended && failures < MAX_FAILURES) {
      try {
        const { text, nextBatch } = await this.#client.sync(user, {
          since,
          timeoutMs: LONG_POLL_MS,
          longTimelines: true,
        });
        this.#scan(text, performance.now());
        since = nextBatch;
      } catch (error) {
        if (this.#ended) return;
        failures++;
        this.#failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  }

  #scan(text: string, now: number): void {
    if (LIMITED.test(text)) this.#gaps++;
    for (let i = text.indexOf(this.#tag); i >= 0; i = text.indexOf(this.#tag, i + 1)) {
      const start = i + this.#tag.length;
      const sentAt = this.#sentAt[Number(text.slice(start, text.indexOf(';', start)))];
      if (sentAt === undefined) continue;
      this.#latenciesMs.push(now - sentAt);
      this.#lastSeen = now;
    }
  }
}

import assert from 'node:assert/strict';
import { TestClient, type Json } from '../src/testing/client/test-client.ts';

/** What a client knows of one message. */
export interface Seen {
  readonly id: string;
  readonly body: string;
  readonly sender: string;
}

const PAGE = 100;

/** Somebody who follows one room by its sync stream and fills the gaps it declares, over restarts of the server. */
export class StreamFollower {
  readonly roomId: string;
  readonly seen: Seen[] = [];
  #client: TestClient;
  #since: string | undefined;

  constructor(client: TestClient, roomId: string) {
    this.#client = client;
    this.roomId = roomId;
  }

  /** Goes on at another address with the same access token and the same place in the stream. */
  moveTo(url: string): void {
    this.#client = new TestClient(url, this.#client.token);
  }

  /** One sync; false when the server was gone. An answer that did not arrive whole counts for nothing. */
  async step(timeoutMs: number): Promise<boolean> {
    try {
      const room = { timeline: { limit: 50 }, rooms: [this.roomId] };
      const filter = JSON.stringify({ room, presence: { not_types: ['*'] } });
      const since: Record<string, string> = this.#since === undefined ? {} : { since: this.#since };
      const answer = await this.#client.sync({ timeout: timeoutMs, filter, ...since });
      const timeline = answer.rooms?.join?.[this.roomId]?.timeline;
      if (timeline !== undefined)
        this.seen.push(...(await this.#gap(timeline)), ...messages(timeline.events));
      this.#since = answer.next_batch;
      return true;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return false;
    }
  }

  /** Syncs until it has seen these events; throws when the stream has nothing new and some are missing. */
  async catchUp(eventIds: Iterable<string>): Promise<void> {
    const missing = new Set(eventIds);
    let checked = 0;
    for (;;) {
      for (; checked < this.seen.length; checked++) missing.delete(this.seen[checked]?.id ?? '');
      if (missing.size === 0) return;
      const before = this.seen.length;
      assert.ok(await this.step(2_000), 'the server answers');
      if (this.seen.length === before) {
        assert.fail(`${missing.size} acknowledged events are not in the stream: ${[...missing].join(' ')}`);
      }
    }
  }

  /** What a limited timeline left out since the last token, oldest first. */
  async #gap(timeline: Json): Promise<Seen[]> {
    if (timeline.limited !== true || this.#since === undefined) return [];
    return readMessages(this.#client, this.roomId, { from: timeline.prev_batch, to: this.#since });
  }
}

/** Reads messages of a room from its newest, or from a token back to another; gives them oldest first. */
export async function readMessages(
  client: TestClient,
  roomId: string,
  range: { from?: string; to?: string } = {},
): Promise<Seen[]> {
  const pages: Seen[][] = [];
  let from = range.from;
  do {
    const query = new URLSearchParams({ dir: 'b', limit: String(PAGE) });
    if (from !== undefined) query.set('from', from);
    if (range.to !== undefined) query.set('to', range.to);
    const page = await client.ok('GET', client.room(roomId, `/messages?${query.toString()}`));
    pages.unshift(messages(page.chunk).reverse());
    from = page.end;
  } while (from !== undefined);
  return pages.flat();
}

function messages(events: readonly Json[]): Seen[] {
  return events
    .filter((event) => event.type === 'm.room.message')
    .map((event) => ({ id: event.event_id, body: event.content.body, sender: event.sender }));
}

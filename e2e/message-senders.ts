import type { TestClient } from '../src/testing/client/test-client.ts';

/** A send that was begun: its transaction, and the event the server acknowledged it with, if it did. */
export interface Sending {
  readonly sender: TestClient;
  readonly transaction: string;
  eventId: string | undefined;
}

/** People who send into one room, all at once, each one message after the other. */
export class MessageSenders {
  readonly sendings: Sending[] = [];
  readonly #roomId: string;
  readonly #prefix: string;
  #acknowledged = 0;
  #stopped = false;
  #waiting: { count: number; resolve: () => void }[] = [];

  constructor(roomId: string, prefix: string) {
    this.#roomId = roomId;
    this.#prefix = prefix;
  }

  /** Resolves when so many messages are acknowledged. */
  acknowledged(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ count, resolve });
    return promise;
  }

  /** Sends until told to stop, or until the server is gone. */
  async run(senders: readonly TestClient[]): Promise<void> {
    await Promise.all(senders.map((sender, number) => this.#sendOn(sender, number)));
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Sends what was never acknowledged once more, under the same transaction, by the client given for its sender. */
  async retry(clientOf: (sender: TestClient) => TestClient): Promise<void> {
    const unanswered = this.sendings.filter((sending) => sending.eventId === undefined);
    await Promise.all(
      unanswered.map(async (sending) => {
        sending.eventId = await this.send({ ...sending, sender: clientOf(sending.sender) });
      }),
    );
  }

  /** Sends one message, whose text is its transaction; gives the event ID. */
  async send(sending: Sending): Promise<string> {
    const { sender, transaction } = sending;
    const path = sender.room(this.#roomId, `/send/m.room.message/${transaction}`);
    return (await sender.ok('PUT', path, { msgtype: 'm.text', body: transaction })).event_id;
  }

  async #sendOn(sender: TestClient, number: number): Promise<void> {
    for (let count = 0; !this.#stopped; count++) {
      const sending: Sending = {
        sender,
        transaction: `${this.#prefix}-${number}-${count}`,
        eventId: undefined,
      };
      this.sendings.push(sending);
      try {
        sending.eventId = await this.send(sending);
      } catch (error) {
        // fetch says so when the connection broke; anything else is the server's answer, and wrong.
        if (error instanceof TypeError) return;
        throw error;
      }
      this.#count();
    }
  }

  #count(): void {
    this.#acknowledged += 1;
    for (const { count, resolve } of this.#waiting) if (this.#acknowledged >= count) resolve();
  }
}

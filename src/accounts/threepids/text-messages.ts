import type { OutgoingHttp } from '../../platform/outgoing-http.ts';

/** A text message cannot go to this number, and could not later. */
export class DestinationRejected extends Error {}

/** Sends text messages through a gateway that speaks HTTP. */
export class TextMessages {
  readonly #outgoing: OutgoingHttp;
  readonly #gateway: { readonly url: string; readonly token: string };

  constructor(outgoing: OutgoingHttp, gateway: { readonly url: string; readonly token: string }) {
    this.#outgoing = outgoing;
    this.#gateway = gateway;
  }

  /** Whether there is a gateway. */
  get enabled(): boolean {
    return this.#gateway.url !== '';
  }

  /**
   * Resolves when the gateway has taken the message.
   *
   * @param to with plus and country code.
   * @throws Error when it did not; DestinationRejected when it never would (422).
   */
  async send(to: string, text: string): Promise<void> {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (this.#gateway.token !== '') headers.authorization = `Bearer ${this.#gateway.token}`;
    const { status } = await this.#outgoing.request({
      method: 'POST',
      url: this.#gateway.url,
      headers,
      body: JSON.stringify({ to, text }),
      timeoutMs: 10_000,
      maxBytes: 65_536,
      whenTooLarge: 'cut',
    });
    if (status === 422) throw new DestinationRejected(`The gateway for text messages does not send to ${to}`);
    if (status >= 300) throw new Error(`The gateway for text messages answered ${status}`);
  }
}

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A gateway for text messages that keeps what it is given. */
export class TextGateway {
  readonly texts: { readonly to: string; readonly text: string }[] = [];
  /** With what it answers. */
  status = 200;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      void json(request).then((message) => {
        if (this.status < 300) this.texts.push(message as { to: string; text: string });
        response.writeHead(this.status).end();
      });
    });
  }

  static async start(): Promise<TextGateway> {
    const gateway = new TextGateway();
    await once(gateway.#server.listen(0, '127.0.0.1'), 'listening');
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/send`;
  }

  /** The code in the message that was sent last. */
  get code(): string {
    return /[0-9]{6}/.exec(this.texts.at(-1)?.text ?? '')?.[0] ?? '';
  }

  /** Lets the process end while this is open. */
  unref(): void {
    this.#server.unref();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

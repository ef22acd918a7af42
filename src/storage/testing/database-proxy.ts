import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** One connection to PostgreSQL, which the test holds up or cuts. */
export class ProxiedConnection {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #onStatement: (connection: ProxiedConnection, text: string) => void;
  /** What PostgreSQL answered and the server has not got. */
  #held: Buffer[] | undefined;
  #onHeld: (() => void) | undefined;
  /** It listens for notices. */
  listens = false;
  isOpen = true;

  constructor(
    client: Socket,
    upstream: Socket,
    onStatement: (connection: ProxiedConnection, text: string) => void,
  ) {
    this.#client = client;
    this.#upstream = upstream;
    this.#onStatement = onStatement;
    for (const socket of [client, upstream]) {
      socket.on('error', () => this.cut());
      socket.on('close', () => this.cut());
    }
    client.on('data', (data) => this.#send(data));
    upstream.on('data', (data) => this.#answer(data));
  }

  /** From now on the server gets no answers. */
  hold(): void {
    this.#held ??= [];
  }

  /** Resolves when there is an answer that the server has not got. */
  async holdsAnswer(): Promise<void> {
    if (this.#held?.length === 0) await new Promise<void>((resolve) => (this.#onHeld = resolve));
  }

  /** Gives the server what it has not got, in one piece, and what comes after that. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    if (held.length > 0) this.#client.write(Buffer.concat(held));
  }

  /** Gives the server what it has not got, and nothing of what comes after that. */
  releaseSoFar(): void {
    this.release();
    this.hold();
  }

  cut(): void {
    this.isOpen = false;
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #send(data: Buffer): void {
    const text = data.toString('latin1');
    if (text.includes('LISTEN ')) this.listens = true;
    this.#onStatement(this, text);
    if (this.isOpen) this.#upstream.write(data);
  }

  #answer(data: Buffer): void {
    if (!this.#held) return void this.#client.write(data);
    this.#held.push(data);
    this.#onHeld?.();
  }
}

/** Stands between a server and its PostgreSQL. */
export class DatabaseProxy {
  readonly #server: Server;
  readonly #connections: ProxiedConnection[] = [];
  readonly #target: URL;
  /** Is called with what the server sends, before that goes on its way. */
  onStatement: (connection: ProxiedConnection, text: string) => void = () => undefined;

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((client) => {
      const upstream = connect(Number(target.port), target.hostname);
      const statement = (connection: ProxiedConnection, text: string) => this.onStatement(connection, text);
      this.#connections.push(new ProxiedConnection(client, upstream, statement));
    });
  }

  static async start(url: string): Promise<DatabaseProxy> {
    const proxy = new DatabaseProxy(new URL(url));
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** Of the database by way of this. */
  get url(): string {
    const url = new URL(this.#target);
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  /** The connections that listen for notices now. */
  get listening(): ProxiedConnection[] {
    return this.#connections.filter(({ listens, isOpen }) => listens && isOpen);
  }

  stop(): void {
    this.#server.close();
    for (const connection of this.#connections) connection.cut();
  }
}

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const PATIENCE_MS = 60_000;

/** Somebody on IRC, with a client of their own. */
export class IrcPerson {
  /** What others said in channels, as `nick: text`, in order. */
  readonly heard: string[] = [];
  readonly #socket: Socket;
  #waiting: (() => void)[] = [];
  readonly #lines: string[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    createInterface({ input: socket }).on('line', (line) => this.#take(line));
  }

  /** Connects and resolves when the server has let the person in. */
  static async connect(port: number, nick: string): Promise<IrcPerson> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const person = new IrcPerson(socket);
    person.#send(`NICK ${nick}`, `USER ${nick} 0 * :${nick}`);
    await person.#until(() => person.#lines.some((line) => / 001 /.test(line)), 'was let in');
    return person;
  }

  async join(channel: string): Promise<void> {
    this.#send(`JOIN ${channel}`);
    await this.#until(() => this.#lines.some((line) => line.includes(` 366 `)), `is in ${channel}`);
  }

  say(channel: string, text: string): void {
    this.#send(`PRIVMSG ${channel} :${text}`);
  }

  /** Waits until somebody else said this. */
  hears(text: string): Promise<void> {
    return this.#until(() => this.heard.some((one) => one.endsWith(`: ${text}`)), `heard "${text}"`);
  }

  /** Waits until somebody has come into the channel for so many times. */
  sees(nick: string, times: number): Promise<void> {
    const seen = () => this.#lines.filter((line) => joins(line, nick)).length;
    return this.#until(() => seen() >= times, `saw ${nick} ${times} times`);
  }

  leave(): void {
    this.#socket.destroy();
  }

  #send(...lines: string[]): void {
    this.#socket.write(lines.map((line) => `${line}\r\n`).join(''));
  }

  #take(line: string): void {
    if (line.startsWith('PING ')) this.#send(`PONG ${line.slice(5)}`);
    const said = /^:([^! ]+)\S* PRIVMSG #\S+ :(.*)$/.exec(line);
    if (said) this.heard.push(`${said[1]}: ${said[2]}`);
    else this.#lines.push(line);
    for (const look of this.#waiting.splice(0)) look();
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    const late = AbortSignal.timeout(PATIENCE_MS);
    while (!holds()) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        late.addEventListener('abort', () => {
          reject(new Error(`Nobody ${what}. Lines: ${this.#lines.slice(-10).join(' | ')}`));
        });
      });
    }
  }
}

function joins(line: string, nick: string): boolean {
  return line.startsWith(`:${nick}!`) && line.includes(' JOIN ');
}

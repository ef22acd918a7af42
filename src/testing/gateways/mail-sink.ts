import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';

/** A mail server that keeps what it is given. */
export class MailSink {
  readonly #server: SMTPServer;
  readonly #mails: { readonly to: string; readonly text: string }[] = [];
  /** Told that their mail was taken once this answers again; undefined while it does. */
  #held: (() => void)[] | undefined;
  #wake: () => void = () => undefined;

  private constructor() {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          for (const { address } of session.envelope.rcptTo) this.#mails.push({ to: address, text });
          if (this.#held) this.#held.push(done);
          else done();
          this.#wake();
        });
      },
    });
  }

  static async start(): Promise<MailSink> {
    const sink = new MailSink();
    await once(sink.#server.listen(0, '127.0.0.1'), 'listening');
    return sink;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.#server.server.address() as AddressInfo).port}`;
  }

  /** How many mails somebody got. */
  count(to: string): number {
    return this.#mails.filter((mail) => mail.to === to).length;
  }

  /** Waits for somebody's n-th mail; gives it with its headers, decoded. */
  async arrived(to: string, nth = 1): Promise<string> {
    const signal = AbortSignal.timeout(60_000);
    while (this.count(to) < nth) {
      if (signal.aborted) throw new Error(`${to} got no mail number ${nth}`);
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      await Promise.race([woken, after(500)]);
    }
    const { text = '' } = this.#mails.filter((mail) => mail.to === to)[nth - 1] ?? {};
    const [head = '', ...rest] = text.split('\r\n\r\n');
    const bytes = rest
      .join('\r\n\r\n')
      .replace(/=\r\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_code, hex: string) => String.fromCharCode(parseInt(hex, 16)));
    return `${head}\r\n\r\n${Buffer.from(bytes, 'latin1').toString('utf8')}`;
  }

  /** Keeps what comes from now on, and does not say so. */
  fallSilent(): void {
    this.#held ??= [];
  }

  /** Answers those who wait, and whoever comes. */
  answer(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const done of held) done();
  }

  /** The link in the mail that somebody got as their n-th. */
  link(to: string, nth = 1): URL {
    const mail = this.#mails.filter((one) => one.to === to)[nth - 1];
    assert.ok(mail, `${to} got no mail number ${nth}`);
    const text = mail.text.replace(/=\r\n/g, '').replace(/=3D/g, '=');
    const [found] = /https?:\/\/\S+/.exec(text) ?? [];
    assert.ok(found, text);
    return new URL(found);
  }

  /** Lets the process end while this is open. */
  unref(): void {
    this.#server.server.unref();
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(resolve));
  }
}

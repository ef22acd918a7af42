import type { Transporter } from 'nodemailer';

/** Where mail is handed in, and who it is from. */
export interface MailSettings {
  /** `smtp://user:password@host:port` or `smtps://…`; empty when there is no mail. */
  readonly smtpUrl: string;
  /** Such as `Example <matrix@example.org>`. */
  readonly from: string;
}

/** A mail. Headers may hold line breaks nowhere: nodemailer takes them out. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How long the mail server may take to be reached and to greet, in milliseconds. */
const GREETING_MS = 30_000;
/** How long it may then be silent: some look through a mail before they take it. */
const SILENCE_MS = 120_000;

/** Sends mail by SMTP. The library is loaded with the first mail. */
export class Mailer {
  readonly #settings: MailSettings;
  #transport: Promise<Transporter> | undefined;

  constructor(settings: MailSettings) {
    this.#settings = settings;
  }

  /** Whether mail can be sent at all. */
  get enabled(): boolean {
    return this.#settings.smtpUrl !== '';
  }

  /**
   * Resolves when the mail server has taken the mail.
   *
   * @param signal ends the waiting: the mail server may still take the mail.
   * @throws Error when it did not, or when there is no mail server.
   */
  async send(mail: Mail, signal?: AbortSignal): Promise<void> {
    if (!this.enabled) throw new Error('This server has no mail server to send mail with');
    this.#transport ??= this.#connect();
    const transport = await this.#transport;
    const sending = transport.sendMail({ from: this.#settings.from, ...mail, headers: { ...mail.headers } });
    await (signal === undefined ? sending : unlessAborted(sending, signal));
  }

  /** Closes the connection to the mail server. */
  async close(): Promise<void> {
    (await this.#transport)?.close();
  }

  async #connect(): Promise<Transporter> {
    const { createTransport } = await import('nodemailer');
    return createTransport({
      url: this.#settings.smtpUrl,
      connectionTimeout: GREETING_MS,
      greetingTimeout: GREETING_MS,
      socketTimeout: SILENCE_MS,
    });
  }
}

async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new Error('The sending was broken off'));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

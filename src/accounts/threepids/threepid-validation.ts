import { timingSafeEqual } from 'node:crypto';
import { KeyedQueue } from '../../platform/keyed-queue.ts';
import type { Mailer } from '../../platform/mailer.ts';
import { invalidParam, MatrixError } from '../../protocol/matrix-error.ts';
import { GuardFailed, type Database, type Writer } from '../../storage/database.ts';
import * as store from '../../storage/accounts/threepid-sessions-store.ts';
import type { ThreepidSessionRow } from '../../storage/accounts/threepid-sessions-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { DestinationRejected, type TextMessages } from './text-messages.ts';
import { threepidOf, type Medium, type Threepid } from './threepid-addresses.ts';
import { tokenHash } from '../token-hash.ts';
import { codeMail, validationMail } from './validation-mail.ts';

/** What an identifier is proven for. A proof for one is none for another. */
export type Purpose = 'add' | 'register' | 'password' | 'login-code' | 'login-link' | 'bind';

/** What a client asks for with `requestToken`. */
export interface TokenWishes {
  readonly threepid: Threepid;
  readonly clientSecret: string;
  readonly sendAttempt: number;
  readonly nextLink: string | undefined;
}

/**
 * How a token is sent: so that whoever asks is told where it cannot be (`told`); with nothing to be told from, neither by what
 * is answered nor by when (`hidden`); or to nobody, with the same answer as that (`silent`).
 */
export type Sending = 'told' | 'hidden' | 'silent';

/** A session that has begun, and where the code of a text message is to be sent. */
interface Begun {
  readonly sid: string;
  readonly submitUrl: string | undefined;
}

/** By what a client names a session. */
export interface SessionName {
  readonly sid: string;
  readonly clientSecret: string;
}

/** How far a session is. One that has expired is known for a week. */
export type Progress =
  | { readonly state: 'unknown' | 'expired' | 'open' }
  | { readonly state: 'proven'; readonly threepid: Threepid; readonly validatedAt: number };

/** Path of the page that a mail leads to. */
export const VALIDATION_PAGE = '/_myelin/threepid/validate';
/** Path to which clients send the code of a text message. */
export const SUBMIT_PATH = '/_myelin/threepid/submit_token';

/** Less than any attempt of a client. */
const NO_ATTEMPT = -1;
const SECRET = /^[0-9a-zA-Z.=_-]{1,255}$/;

/** Finds out whether people have the addresses that they say, by sending them a token. */
export class ThreepidValidation {
  readonly #needs: ValidationNeeds;
  /** One request of a session goes on after the other: the same made twice is to send one token. */
  readonly #requests = new KeyedQueue();

  constructor(needs: ValidationNeeds) {
    this.#needs = needs;
  }

  /** Whether tokens can be sent to identifiers of this kind. */
  canSend(medium: Medium): boolean {
    return medium === 'email' ? this.#needs.mailer.enabled : this.#needs.texts.enabled;
  }

  /**
   * Begins a session, or goes on with the one of the same address and secret, and sends a token: once for each attempt.
   *
   * @throws MatrixError 400 M_INVALID_PARAM, M_THREEPID_MEDIUM_NOT_SUPPORTED, 429; where that is told, 400
   *   M_DESTINATION_REJECTED and `couldNotSend` when it cannot be sent.
   */
  async begin(purpose: Purpose, wishes: TokenWishes, sending: Sending = 'told'): Promise<Begun> {
    this.#assertSound(wishes);
    const { threepid, clientSecret } = wishes;
    const key = [purpose, threepid.medium, threepid.address, clientSecret].join(' ');
    return this.#requests.run(key, async () => {
      try {
        return await this.#beginOrGoOn(purpose, wishes, sending);
      } catch (error) {
        if (!(error instanceof GuardFailed)) throw error;
        // Another process was first, perhaps with the same request.
        return this.#beginOrGoOn(purpose, wishes, sending);
      }
    });
  }

  async #beginOrGoOn(purpose: Purpose, wishes: TokenWishes, sending: Sending): Promise<Begun> {
    const { threepid, clientSecret, sendAttempt } = wishes;
    const now = this.#needs.clock.now();
    const { medium, address } = threepid;
    const known = await store.bySecret(this.#needs.database, { purpose, medium, address, clientSecret });
    const current = known && known.expires_at > now ? known : undefined;
    const submitUrl = medium === 'msisdn' ? this.#needs.baseUrl + SUBMIT_PATH : undefined;
    if (current && (current.send_attempt >= sendAttempt || current.validated_at !== null)) {
      return { sid: current.sid, submitUrl };
    }
    this.#needs.allowSending(`${medium} ${address}`);
    const isTyped = medium === 'msisdn' || purpose === 'login-code';
    const token = isTyped ? this.#needs.digits(6) : this.#needs.opaque(32);
    const sid = current?.sid ?? this.#needs.opaque(24);
    const unit = new UnitOfWork();
    const row = {
      ...{ sid, purpose, medium, address, client_secret: clientSecret, send_attempt: sendAttempt },
      ...{ token_hash: tokenHash(token), next_link: wishes.nextLink ?? null },
      expires_at: now + this.#needs.lifetimeMs,
    };
    store.put(unit, row, now);
    await this.#needs.database.commit(unit);
    if (sending === 'silent') return { sid, submitUrl };
    const sent = this.#send(purpose, threepid, { sid, clientSecret }, token);
    if (sending === 'hidden') {
      sent.catch(() => undefined);
      return { sid, submitUrl };
    }
    try {
      await sent;
    } catch (error) {
      await this.#takeBack(row, current?.send_attempt ?? NO_ATTEMPT);
      throw error;
    }
    return { sid, submitUrl };
  }

  /** Nothing was sent: the same attempt may be made again. */
  async #takeBack(row: Pick<ThreepidSessionRow, 'sid' | 'token_hash'>, before: number): Promise<void> {
    const unit = new UnitOfWork();
    store.takeBackAttempt(unit, row, before);
    await this.#needs.database.commit(unit);
  }

  /**
   * Takes a token.
   *
   * @returns where the person goes on, if the client said so.
   * @throws MatrixError 400 M_NO_VALID_SESSION, M_SESSION_EXPIRED, M_TOKEN_INCORRECT (also after too many wrong ones).
   */
  async submit(name: SessionName, token: string): Promise<string | undefined> {
    const row = await this.#row(name);
    if (!row) throw noSession();
    const now = this.#needs.clock.now();
    if (row.expires_at <= now) {
      throw new MatrixError(400, 'M_SESSION_EXPIRED', 'The validation session has expired: begin another');
    }
    await this.#countTry(name.sid);
    if (!timingSafeEqual(row.token_hash, tokenHash(token))) throw notSentLast();
    if (row.validated_at === null) await this.#validate(name, row, now);
    return row.next_link ?? undefined;
  }

  async #validate(name: SessionName, row: ThreepidSessionRow, now: number): Promise<void> {
    const unit = new UnitOfWork();
    store.validate(unit, row, { now, expiresAt: now + this.#needs.lifetimeMs });
    try {
      await this.#needs.database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
      // Another token was sent meanwhile, or the session has served.
      throw (await this.#row(name)) ? notSentLast() : noSession();
    }
  }

  /**
   * The identifier that a session has proven, here or at an identity server whose word is taken.
   *
   * @param idServer where the session is, if it is not here.
   * @throws MatrixError 400 M_NO_VALID_SESSION, or M_THREEPID_AUTH_FAILED when the token was not used yet.
   */
  async proven(
    purpose: Purpose,
    name: SessionName,
    idServer?: string,
  ): Promise<Threepid & { validatedAt: number; isElsewhere: boolean }> {
    const { provenAt } = this.#needs;
    if (idServer !== undefined && provenAt && !(await store.byId(this.#needs.database, name.sid))) {
      const { medium, address, validatedAt } = await provenAt(idServer, name);
      return { ...threepidOf(medium, address), validatedAt, isElsewhere: true };
    }
    const progress = await this.progress(purpose, name);
    if (progress.state === 'open') {
      const message = 'The link or code that was sent has not been used yet';
      throw new MatrixError(400, 'M_THREEPID_AUTH_FAILED', message);
    }
    if (progress.state !== 'proven') throw noSession();
    return { ...progress.threepid, validatedAt: progress.validatedAt, isElsewhere: false };
  }

  /** How far a session for a purpose is. */
  async progress(purpose: Purpose, name: SessionName): Promise<Progress> {
    const row = await this.#row(name);
    if (row?.purpose !== purpose) return { state: 'unknown' };
    if (row.expires_at <= this.#needs.clock.now()) return { state: 'expired' };
    if (row.validated_at === null) return { state: 'open' };
    const threepid = { medium: row.medium as Medium, address: row.address };
    return { state: 'proven', threepid, validatedAt: row.validated_at };
  }

  /** Ends a session within a unit of work, which fails when another request ended it first. */
  consume(unit: Writer, sid: string): void {
    store.consume(unit, sid);
  }

  async #row({ sid, clientSecret }: SessionName): Promise<ThreepidSessionRow | undefined> {
    const row = await store.byId(this.#needs.database, sid);
    return row?.client_secret === clientSecret ? row : undefined;
  }

  async #countTry(sid: string): Promise<void> {
    const unit = new UnitOfWork();
    store.addTry(unit, sid);
    try {
      await this.#needs.database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
      const message = 'Too many codes were tried: begin again with another session';
      throw new MatrixError(400, 'M_TOKEN_INCORRECT', message);
    }
  }

  #assertSound({ threepid, clientSecret, sendAttempt, nextLink }: TokenWishes): void {
    if (!SECRET.test(clientSecret)) {
      throw invalidParam('"client_secret" must be 1 to 255 letters, digits and . = _ -');
    }
    if (sendAttempt < 0) throw invalidParam('"send_attempt" must not be negative');
    if (nextLink !== undefined && !isWebAddress(nextLink)) {
      throw invalidParam('"next_link" must be an http: or https: address of at most 2,000 characters');
    }
    if (!this.canSend(threepid.medium)) {
      const what = threepid.medium === 'email' ? 'mail' : 'text messages';
      throw new MatrixError(400, 'M_THREEPID_MEDIUM_NOT_SUPPORTED', `This server does not send ${what}`);
    }
  }

  async #send(purpose: Purpose, threepid: Threepid, name: SessionName, token: string): Promise<void> {
    const { mailer, texts, serverName, baseUrl } = this.#needs;
    try {
      if (threepid.medium === 'msisdn') {
        await texts.send(`+${threepid.address}`, `${token} is your code for ${serverName}.`);
        return;
      }
      if (purpose === 'login-code') {
        await mailer.send({ to: threepid.address, ...codeMail({ serverName, code: token }) });
        return;
      }
      const query = new URLSearchParams({ sid: name.sid, client_secret: name.clientSecret, token });
      const link = `${baseUrl}${VALIDATION_PAGE}?${query.toString()}`;
      await mailer.send({ to: threepid.address, ...validationMail(purpose, { serverName, link }) });
    } catch (error) {
      if (error instanceof DestinationRejected) {
        throw new MatrixError(400, 'M_DESTINATION_REJECTED', 'No text messages can be sent to this number');
      }
      this.#needs.onSendingFailed(error);
      throw this.#needs.couldNotSend(threepid.medium);
    }
  }
}

/** What the validation of identifiers works with. */
export interface ValidationNeeds {
  readonly database: Database;
  readonly mailer: Mailer;
  readonly texts: TextMessages;
  readonly serverName: string;
  /** Address of this server for people, without a slash at the end. */
  readonly baseUrl: string;
  readonly lifetimeMs: number;
  readonly clock: { now(): number };
  readonly opaque: (length: number) => string;
  /** Digits that nobody can guess. */
  readonly digits: (count: number) => string;
  /** Throws 429 when too much was sent to an address. */
  readonly allowSending: (address: string) => void;
  readonly onSendingFailed: (error: unknown) => void;
  /** What is answered when a token cannot be sent. */
  readonly couldNotSend: (medium: Medium) => MatrixError;
  /** What a session at an identity server has proven; 403 where it has not, or that server is not trusted. */
  readonly provenAt?: (
    idServer: string,
    name: SessionName,
  ) => Promise<{ medium: string; address: string; validatedAt: number }>;
}

function isWebAddress(text: string): boolean {
  return text.length <= 2_000 && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function notSentLast(): MatrixError {
  return new MatrixError(400, 'M_TOKEN_INCORRECT', 'This is not the code that was sent last');
}

function noSession(): MatrixError {
  return new MatrixError(400, 'M_NO_VALID_SESSION', 'There is no such validation session, or it has expired');
}

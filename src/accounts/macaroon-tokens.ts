import type { ServerName, UserId } from '../protocol/identifiers.ts';
import {
  encodeMacaroon,
  isMacaroonSigned,
  mintMacaroon,
  parseMacaroon,
  type Macaroon,
} from '../protocol/macaroon.ts';

/** What a token is good for. */
export type MacaroonType = 'access' | 'refresh' | 'login';

/** What a macaroon that was checked says. */
export interface CheckedMacaroon {
  /** What the token was given out as: what it can be looked up by, however it was narrowed since. */
  readonly identifier: string;
  readonly userId: UserId;
  /** Milliseconds since the epoch from which on it is not valid; undefined where no caveat says so. */
  readonly validUntil: number | undefined;
}

/** Tokens as macaroons with caveats (Matrix of 2015, "Macaroon Caveats"). */
export class MacaroonTokens {
  readonly #makeSecret: () => Uint8Array;
  #made: Uint8Array | undefined;
  readonly #serverName: ServerName;
  readonly #clock: { now(): number };

  /** @param makeSecret gives what is known to all processes of the server, and to nobody else; called when it is needed. */
  constructor(makeSecret: () => Uint8Array, serverName: ServerName, clock: { now(): number }) {
    this.#makeSecret = makeSecret;
    this.#serverName = serverName;
    this.#clock = clock;
  }

  /** A token of a user. It can be looked up by its identifier, which nobody can guess. */
  mint(token: {
    identifier: string;
    userId: UserId;
    type: MacaroonType;
    validUntil: number | undefined;
  }): string {
    const { identifier, userId, type, validUntil } = token;
    const caveats = ['gen = 1', `user_id = ${userId}`, `type = ${type}`];
    if (validUntil !== undefined) caveats.push(`time < ${validUntil}`);
    return encodeMacaroon(mintMacaroon(this.#secret, { location: this.#serverName, identifier, caveats }));
  }

  /**
   * What a token says that is a macaroon of this server. `none` for a text that is no macaroon; `refused` for one of somebody
   * else, of another type, or with a caveat that does not hold or is not understood.
   */
  check(text: string, type: MacaroonType): CheckedMacaroon | 'none' | 'refused' {
    const macaroon = parseMacaroon(text);
    if (!macaroon) return 'none';
    if (!isMacaroonSigned(this.#secret, macaroon)) return 'refused';
    return this.#satisfied(macaroon, type) ?? 'refused';
  }

  get #secret(): Uint8Array {
    this.#made ??= this.#makeSecret();
    return this.#made;
  }

  #satisfied(macaroon: Macaroon, type: MacaroonType): CheckedMacaroon | undefined {
    const now = this.#clock.now();
    let userId: string | undefined;
    let validUntil: number | undefined;
    const seen = new Set<string>();
    for (const caveat of macaroon.caveats) {
      const [, key = '', operator = '', value = ''] = /^(\w+) (\S+) (.+)$/.exec(caveat) ?? [];
      seen.add(key);
      if (key === 'time') {
        if (!isTime(operator, value, now)) return undefined;
        if (operator === '<') validUntil = Math.min(validUntil ?? Infinity, Number(value));
        if (operator === '==') validUntil = now;
        continue;
      }
      if (operator !== '=') return undefined;
      if (key === 'user_id') {
        if (userId !== undefined && userId !== value) return undefined;
        userId = value;
      } else if (!(key === 'gen' && value === '1') && !(key === 'type' && value === type)) return undefined;
    }
    if (userId === undefined || !seen.has('gen') || !seen.has('type')) return undefined;
    return { identifier: macaroon.identifier, userId: userId as UserId, validUntil };
  }
}

function isTime(operator: string, value: string, now: number): boolean {
  if (!/^\d{1,16}$/.test(value)) return false;
  const time = Number(value);
  if (operator === '<') return now < time;
  if (operator === '>') return now > time;
  return operator === '==' && now === time;
}

import type { DeviceId, UserId } from '../protocol/identifiers.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import type { Writer } from '../storage/database.ts';
import * as tokensStore from '../storage/accounts/tokens-store.ts';
import type { MacaroonTokens, MacaroonType } from './macaroon-tokens.ts';
import { tokenHash } from './token-hash.ts';

/** A session that was opened, with what the client needs to keep. */
export interface OpenedSession {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** Milliseconds the access token is valid, if not for ever. */
  readonly expiresInMs: number | undefined;
}

/** How tokens are made: for ever; to be refreshed; or as macaroons, which 2015 had (these last, and can be refreshed). */
export type TokenForm = 'lasting' | 'refreshable' | 'macaroon';

/** The device whose tokens are to be made. */
interface TokenOwner {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly oauthClient: string | undefined;
}

/** Makes access and refresh tokens, and says under what they are kept: nobody can use what is in the database. */
export class TokenIssuing {
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;
  readonly #lifetimeMs: number;
  readonly #macaroons: MacaroonTokens;

  constructor(needs: {
    clock: { now(): number };
    opaque: (length: number) => string;
    /** Milliseconds that an access token with a refresh token is valid. */
    accessTokenLifetimeMs: number;
    macaroons: MacaroonTokens;
  }) {
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
    this.#lifetimeMs = needs.accessTokenLifetimeMs;
    this.#macaroons = needs.macaroons;
  }

  /** New tokens of a device, as part of a unit of work. */
  issue(unit: Writer, owner: TokenOwner, form: TokenForm): OpenedSession {
    if (form === 'macaroon') return this.#issueMacaroons(unit, owner);
    const { userId, deviceId } = owner;
    const accessToken = `myl_${this.#opaque(40)}`;
    const refreshToken = form === 'refreshable' ? `myr_${this.#opaque(40)}` : undefined;
    const expiresInMs = form === 'refreshable' ? this.#lifetimeMs : undefined;
    const expiresAt = expiresInMs === undefined ? undefined : this.#clock.now() + expiresInMs;
    tokensStore.addAccess(unit, tokenHash(accessToken), { ...owner, expiresAt });
    if (refreshToken !== undefined) tokensStore.addRefresh(unit, tokenHash(refreshToken), owner);
    return { userId, deviceId, accessToken, refreshToken, expiresInMs };
  }

  #issueMacaroons(unit: Writer, owner: TokenOwner): OpenedSession {
    const { userId, deviceId } = owner;
    const mint = (type: 'access' | 'refresh') => {
      const identifier = this.#opaque(40);
      const token = this.#macaroons.mint({ identifier, userId, type, validUntil: undefined });
      return { token, hash: macaroonHash(identifier) };
    };
    const [access, refresh] = [mint('access'), mint('refresh')];
    tokensStore.addAccess(unit, access.hash, { ...owner, expiresAt: undefined });
    tokensStore.addRefresh(unit, refresh.hash, owner);
    const tokens = { accessToken: access.token, refreshToken: refresh.token };
    return { userId, deviceId, ...tokens, expiresInMs: undefined };
  }

  /** What a token is kept by. 401 for a macaroon that is not good for this. */
  keyOf(token: string, type: MacaroonType): { hash: Buffer; validUntil: number | undefined } {
    const checked = this.#macaroons.check(token, type);
    if (checked === 'none') return { hash: tokenHash(token), validUntil: undefined };
    if (checked === 'refused') throw unknownToken(`The token is not good for this: ${type}`, false);
    return { hash: macaroonHash(checked.identifier), validUntil: checked.validUntil };
  }
}

/** Macaroons are kept by what they were given out as: their holders may have narrowed them since. */
export function macaroonHash(identifier: string): Buffer {
  return tokenHash(`macaroon ${identifier}`);
}

/** 401 M_UNKNOWN_TOKEN. A soft logout keeps the device: the client may get a new token for it. */
export function unknownToken(message: string, softLogout: boolean): MatrixError {
  return new MatrixError(401, 'M_UNKNOWN_TOKEN', message, { soft_logout: softLogout });
}

import { hash } from 'node:crypto';
import { deviceId, type DeviceId, type ServerName, type UserId } from '../protocol/identifiers.ts';
import { forbidden, type MatrixError } from '../protocol/matrix-error.ts';
import type { Database, Writer } from '../storage/database.ts';
import * as devicesStore from '../storage/accounts/devices-store.ts';
import * as loginMacaroonsStore from '../storage/accounts/login-macaroons-store.ts';
import * as tokensStore from '../storage/accounts/tokens-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import * as usersStore from '../storage/accounts/users-store.ts';
import { userOfIdentifier } from './login-identifier.ts';
import { assertMayOpen } from './may-open.ts';
import type { MacaroonTokens } from './macaroon-tokens.ts';
import type { Sessions } from './sessions.ts';
import { macaroonHash } from './token-issuing.ts';

/** Milliseconds that a login token is valid which a person hands over, and one that a browser carries to a client. */
export const LOGIN_TOKEN_LIFETIME_MS = 120_000;
export const SSO_LOGIN_TOKEN_LIFETIME_MS = 10_000;

/** What a client hands in. */
export interface GivenLoginToken {
  readonly token: string;
  /** Whose token the client says that it is, if it says so. */
  readonly user: string | undefined;
  /** Names the client's request: with the same it may try again until it used what it got (2015, "Token-based"). */
  readonly txnId: string | undefined;
}

/** Whom a login token is of. */
export interface TakenLoginToken {
  readonly userId: UserId;
  /** The device that belongs to the token, where the client may try again. */
  readonly deviceId: DeviceId | undefined;
}

/** Tokens by which another client can log in once, as macaroons. */
export class LoginTokens {
  readonly #needs: LoginTokenNeeds;

  constructor(needs: LoginTokenNeeds) {
    this.#needs = needs;
  }

  /** Makes a token by which another client can log in once as the user, within some milliseconds. */
  async make(userId: UserId, lifetimeMs: number): Promise<string> {
    const { clock, opaque, macaroons, database } = this.#needs;
    const now = clock.now();
    const identifier = opaque(40);
    const validUntil = now + lifetimeMs;
    const unit = new UnitOfWork();
    tokensStore.addLogin(unit, macaroonHash(identifier), userId, validUntil, now);
    await database.commit(unit);
    return macaroons.mint({ identifier, userId, type: 'login', validUntil });
  }

  /**
   * Takes a token. The unit fails when another request was first.
   *
   * @throws MatrixError 403 M_FORBIDDEN, M_USER_DEACTIVATED, 401 M_USER_LOCKED.
   */
  async take(unit: Writer, given: GivenLoginToken): Promise<TakenLoginToken> {
    const { database, macaroons, clock } = this.#needs;
    const checked = macaroons.check(given.token, 'login');
    if (checked === 'none' || checked === 'refused') throw notValid();
    const { userId } = checked;
    this.#assertOf(userId, given.user);
    const key = macaroonHash(checked.identifier);
    const now = clock.now();
    const row = await tokensStore.login(database, key);
    const user = await usersStore.byId(database, userId);
    const device = given.txnId === undefined ? undefined : deviceOf(key);
    if (row && row.expires_at > now) {
      tokensStore.useLogin(unit, key);
      if (given.txnId !== undefined) {
        loginMacaroonsStore.tie(unit, { hash: key, txnId: given.txnId, expiresAt: row.expires_at }, now);
      }
    } else if (device === undefined || !(await this.#isTied(key, given.txnId, { userId, device }))) {
      // Closing the account ended the token, too.
      if (user?.deactivated !== 0) assertMayOpen(user);
      throw notValid();
    }
    assertMayOpen(user);
    return { userId, deviceId: device };
  }

  #assertOf(userId: UserId, user: string | undefined): void {
    if (user === undefined) return;
    const named = userOfIdentifier({ type: 'm.id.user', user }, this.#needs.serverName);
    if (named !== userId) throw forbidden('The login token is not this user’s');
  }

  /** Whether the same request comes again, of a client that has not used what it got. */
  async #isTied(
    key: Uint8Array,
    txnId: string | undefined,
    at: { userId: UserId; device: DeviceId },
  ): Promise<boolean> {
    const { database, clock, sessions } = this.#needs;
    if ((await loginMacaroonsStore.transaction(database, key, clock.now())) !== txnId) return false;
    await sessions.flush();
    const device = await devicesStore.byId(database, at.userId, at.device);
    // No device: it was ended, and with it what its token could be used for again.
    return device?.last_seen_at === null;
  }
}

interface LoginTokenNeeds {
  readonly database: Database;
  readonly sessions: Sessions;
  readonly macaroons: MacaroonTokens;
  readonly serverName: ServerName;
  readonly clock: { now(): number };
  readonly opaque: (length: number) => string;
}

/** A client that tries again has to come to the same device. */
function deviceOf(key: Buffer): DeviceId {
  const letters = hash('sha256', key, 'hex').slice(0, 10).toUpperCase();
  return deviceId(letters);
}

function notValid(): MatrixError {
  return forbidden('The login token is not valid, or was used already');
}

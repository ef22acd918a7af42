import { deviceId, type ServerName, type UserId } from '../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../protocol/json.ts';
import { badJson, forbidden, MatrixError } from '../protocol/matrix-error.ts';
import { GuardFailed, type Database } from '../storage/database.ts';
import * as tokensStore from '../storage/tokens-store.ts';
import * as usersStore from '../storage/users-store.ts';
import type { UserRow } from '../storage/users-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import { threepidOfIdentifier, userOfIdentifier } from './login-identifier.ts';
import type { Passwords } from './passwords.ts';
import type { OpenedSession, Sessions } from './sessions.ts';
import type { Threepids } from './threepids.ts';
import { tokenHash } from './token-hash.ts';

/** Milliseconds that a login token is valid which a person hands over, and one that a browser carries to a client. */
export const LOGIN_TOKEN_LIFETIME_MS = 120_000;
export const SSO_LOGIN_TOKEN_LIFETIME_MS = 10_000;

/** Opens sessions for people who have an account (Client-Server API, "Login"). */
export class Login {
  readonly #database: Database;
  readonly #sessions: Sessions;
  readonly #passwords: Passwords;
  readonly #serverName: ServerName;
  readonly #threepids: Threepids;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;
  /** Throws 429 when too many attempts on an account failed. */
  readonly #allowAttempt: (account: string) => void;

  constructor(needs: {
    database: Database;
    sessions: Sessions;
    passwords: Passwords;
    serverName: ServerName;
    threepids: Threepids;
    clock: { now(): number };
    opaque: (length: number) => string;
    allowAttempt: (account: string) => void;
  }) {
    this.#database = needs.database;
    this.#sessions = needs.sessions;
    this.#passwords = needs.passwords;
    this.#serverName = needs.serverName;
    this.#threepids = needs.threepids;
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
    this.#allowAttempt = needs.allowAttempt;
  }

  /**
   * Logs in by password or login token.
   *
   * @throws MatrixError 403 M_FORBIDDEN for wrong credentials, M_USER_DEACTIVATED, 400 for an unknown type.
   */
  async login(body: JsonObject): Promise<OpenedSession> {
    const unit = new UnitOfWork();
    const userId = await this.#userOf(body, unit);
    const wanted = body.device_id;
    const session = this.#sessions.open(unit, {
      userId,
      deviceId: typeof wanted === 'string' && wanted !== '' ? deviceId(wanted) : undefined,
      displayName:
        typeof body.initial_device_display_name === 'string' ? body.initial_device_display_name : undefined,
      refreshable: body.refresh_token === true,
    });
    this.#sessions.announce(unit, userId);
    try {
      await this.#database.commit(unit);
    } catch (error) {
      throw error instanceof GuardFailed ? forbidden('The login token was used already') : error;
    }
    return session;
  }

  /** Makes a token by which another client can log in once as the user, within some milliseconds. */
  async makeToken(userId: UserId, lifetimeMs: number): Promise<string> {
    const token = `myo_${this.#opaque(40)}`;
    const now = this.#clock.now();
    const unit = new UnitOfWork();
    tokensStore.addLogin(unit, tokenHash(token), userId, now + lifetimeMs, now);
    await this.#database.commit(unit);
    return token;
  }

  /**
   * Whose password it is: of a user name, a Matrix ID, or a mail address.
   *
   * @throws MatrixError 403 M_FORBIDDEN, M_USER_DEACTIVATED, 429 after too many tries.
   */
  async userWithPassword(name: string, password: string): Promise<UserId> {
    const isAddress = name.includes('@') && !name.startsWith('@');
    const identifier = isAddress
      ? { type: 'm.id.thirdparty', medium: 'email', address: name }
      : { type: 'm.id.user', user: name };
    return this.#byPassword(identifier, password);
  }

  async #userOf(body: JsonObject, unit: UnitOfWork): Promise<UserId> {
    switch (body.type) {
      case 'm.login.password':
        if (typeof body.password !== 'string') throw badJson('"password" must be given');
        return this.#byPassword(identifierIn(body), body.password);
      case 'm.login.token':
        return this.#byToken(body, unit);
      default:
        throw new MatrixError(400, 'M_UNKNOWN', '"type" must be one of those that GET /login lists');
    }
  }

  async #byPassword(identifier: JsonObject, password: string): Promise<UserId> {
    const threepid = await threepidOfIdentifier(identifier);
    const named =
      userOfIdentifier(identifier, this.#serverName) ?? (threepid && (await this.#threepids.owner(threepid)));
    this.#allowAttempt(named?.toLowerCase() ?? threepid?.address ?? 'unknown');
    const user = named === undefined ? undefined : await this.#userNamed(named);
    const isRight = await this.#passwords.matches(password, user?.password_hash);
    if (user?.deactivated === 1) throw deactivated();
    if (!isRight || !user) throw forbidden('The user name or the password is wrong');
    return user.user_id as UserId;
  }

  /** The user of this ID, or of the same in small letters: people write their names as they like. */
  async #userNamed(userId: UserId): Promise<UserRow | undefined> {
    const exactly = await usersStore.byId(this.#database, userId);
    return exactly ?? usersStore.byId(this.#database, userId.toLowerCase() as UserId);
  }

  async #byToken(body: JsonObject, unit: UnitOfWork): Promise<UserId> {
    if (typeof body.token !== 'string') throw badJson('"token" must be given');
    const hash = tokenHash(body.token);
    const row = await tokensStore.login(this.#database, hash);
    if (!row || row.expires_at <= this.#clock.now()) throw forbidden('The login token is not valid');
    const userId = row.user_id as UserId;
    const user = await usersStore.byId(this.#database, userId);
    if (user?.deactivated !== 0) throw deactivated();
    tokensStore.useLogin(unit, hash);
    return userId;
  }
}

/** The identifier of a login; before there were identifiers, `user`, `medium` and `address` stood beside it. */
function identifierIn(body: JsonObject): JsonObject {
  if (isJsonObject(body.identifier)) return body.identifier;
  if (typeof body.user === 'string') return { type: 'm.id.user', user: body.user };
  if (body.medium !== undefined || body.address !== undefined) {
    return { type: 'm.id.thirdparty', medium: body.medium, address: body.address };
  }
  throw badJson('"identifier" must say who logs in');
}

function deactivated(): MatrixError {
  return new MatrixError(403, 'M_USER_DEACTIVATED', 'This account is closed');
}

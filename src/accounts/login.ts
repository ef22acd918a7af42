import { deviceId, type ServerName, type UserId } from '../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../protocol/json.ts';
import { badJson, forbidden, MatrixError } from '../protocol/matrix-error.ts';
import type { Database } from '../storage/database.ts';
import { commitOrRefuse } from '../storage/guarded-commit.ts';
import * as usersStore from '../storage/accounts/users-store.ts';
import type { UserRow } from '../storage/accounts/users-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import { assertMayOpen } from './may-open.ts';
import { threepidOfIdentifier, userOfIdentifier } from './login-identifier.ts';
import type { LoginTokens, TakenLoginToken } from './login-tokens.ts';
import type { Appservices } from './application-services/appservices.ts';
import type { Passwords } from './passwords.ts';
import type { OpenedSession, Sessions, TokenForm } from './sessions.ts';
import type { Threepids } from './threepids/threepids.ts';

/** Opens sessions for people who have an account (Client-Server API, "Login"). */
export class Login {
  readonly #database: Database;
  readonly #sessions: Sessions;
  readonly #passwords: Passwords;
  readonly #serverName: ServerName;
  readonly #threepids: Threepids;
  readonly #appservices: Appservices;
  readonly #loginTokens: LoginTokens;
  /** Throws 429 when too many attempts on an account failed. */
  readonly #allowAttempt: (account: string) => void;

  constructor(needs: {
    database: Database;
    sessions: Sessions;
    passwords: Passwords;
    serverName: ServerName;
    threepids: Threepids;
    appservices: Appservices;
    loginTokens: LoginTokens;
    allowAttempt: (account: string) => void;
  }) {
    this.#database = needs.database;
    this.#sessions = needs.sessions;
    this.#passwords = needs.passwords;
    this.#serverName = needs.serverName;
    this.#threepids = needs.threepids;
    this.#appservices = needs.appservices;
    this.#loginTokens = needs.loginTokens;
    this.#allowAttempt = needs.allowAttempt;
  }

  /**
   * Logs in by password or login token, or as an application service's user.
   *
   * @param appserviceId the application service that asks, if one does.
   * @param form what tokens the client gets; by default as its `refresh_token` says.
   * @throws MatrixError 403 M_FORBIDDEN for wrong credentials, M_USER_DEACTIVATED, 401 M_USER_LOCKED, 400 for an unknown
   *   type.
   */
  async login(
    body: JsonObject,
    appserviceId?: string,
    form: TokenForm = body.refresh_token === true ? 'refreshable' : 'lasting',
  ): Promise<OpenedSession> {
    const unit = new UnitOfWork();
    const { userId, deviceId: belonging } = await this.#userOf(body, unit, appserviceId);
    const wanted = body.device_id;
    const session = await this.#sessions.open(unit, {
      userId,
      deviceId: typeof wanted === 'string' && wanted !== '' ? deviceId(wanted) : belonging,
      displayName:
        typeof body.initial_device_display_name === 'string' ? body.initial_device_display_name : undefined,
      form,
    });
    this.#sessions.announce(unit, userId);
    await commitOrRefuse(this.#database, unit, () => forbidden('The login token was used already'));
    return session;
  }

  /**
   * Whose password it is: of a user name, a Matrix ID, or a mail address.
   *
   * @throws MatrixError 403 M_FORBIDDEN, M_USER_DEACTIVATED, 401 M_USER_LOCKED, 429 after too many tries.
   */
  async userWithPassword(name: string, password: string): Promise<UserId> {
    const isAddress = name.includes('@') && !name.startsWith('@');
    const identifier = isAddress
      ? { type: 'm.id.thirdparty', medium: 'email', address: name }
      : { type: 'm.id.user', user: name };
    return this.#byPassword(identifier, password);
  }

  /** Opens a session for somebody who proved elsewhere who they are. */
  async openFor(userId: UserId, form: TokenForm): Promise<OpenedSession> {
    const unit = new UnitOfWork();
    const wishes = { userId, deviceId: undefined, displayName: undefined, form };
    const session = await this.#sessions.open(unit, wishes);
    this.#sessions.announce(unit, userId);
    await this.#database.commit(unit);
    return session;
  }

  async #userOf(
    body: JsonObject,
    unit: UnitOfWork,
    appserviceId: string | undefined,
  ): Promise<TakenLoginToken> {
    switch (body.type) {
      case 'm.login.application_service':
        return { userId: await this.#byAppservice(body, appserviceId), deviceId: undefined };
      case 'm.login.password':
        if (typeof body.password !== 'string') throw badJson('"password" must be given');
        return { userId: await this.#byPassword(identifierIn(body), body.password), deviceId: undefined };
      case 'm.login.token':
        if (typeof body.token !== 'string') throw badJson('"token" must be given');
        return this.#loginTokens.take(unit, {
          token: body.token,
          user: typeof body.user === 'string' ? body.user : undefined,
          txnId: typeof body.txn_id === 'string' ? body.txn_id : undefined,
        });
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
    // Who closed their account has no password any more that could be right.
    if (user?.deactivated === 1) assertMayOpen(user);
    if (!isRight || !user) throw forbidden('The user name or the password is wrong');
    assertMayOpen(user);
    await this.#renewHash(user, password);
    return user.user_id as UserId;
  }

  /** Hashes a password anew when the configured cost changed: only a log-in brings the password itself. */
  async #renewHash({ user_id: userId, password_hash: kept }: UserRow, password: string): Promise<void> {
    const renewed = kept === null ? undefined : await this.#passwords.renewed(password, kept);
    if (kept === null || renewed === undefined) return;
    const unit = new UnitOfWork();
    usersStore.renewPasswordHash(unit, userId as UserId, kept, renewed);
    await this.#database.commit(unit);
  }

  /** Application Service API, "Server admin style permissions". */
  async #byAppservice(body: JsonObject, appserviceId: string | undefined): Promise<UserId> {
    const service = this.#appservices.asking(appserviceId);
    const named = userOfIdentifier(identifierIn(body), this.#serverName);
    if (named === undefined) throw badJson('"identifier" must name a user');
    this.#appservices.assertOwns(service, named);
    const user = await usersStore.byId(this.#database, named);
    if (!user) throw forbidden('There is no such user: register it first');
    assertMayOpen(user);
    return named;
  }

  /** The user of this ID, or of the same in small letters: people write their names as they like. */
  async #userNamed(userId: UserId): Promise<UserRow | undefined> {
    const exactly = await usersStore.byId(this.#database, userId);
    return exactly ?? usersStore.byId(this.#database, userId.toLowerCase() as UserId);
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

import {
  isLocalpartForNewUsers,
  localpartOf,
  parseUserId,
  type DeviceId,
  type ServerName,
  type UserId,
} from '../protocol/identifiers.ts';
import { forbidden, MatrixError } from '../protocol/matrix-error.ts';
import { GuardFailed, type Database } from '../storage/database.ts';
import * as profilesStore from '../storage/profiles-store.ts';
import * as registrationTokensStore from '../storage/registration-tokens-store.ts';
import * as usersStore from '../storage/users-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import type { Challenge, InteractiveAuth } from './interactive-auth.ts';
import type { Passwords } from './passwords.ts';
import type { OpenedSession, Sessions } from './sessions.ts';
import { dummyStage, registrationTokenStage } from './stages.ts';

/** Who may register. */
export interface RegistrationPolicy {
  readonly enabled: boolean;
  readonly requiresToken: boolean;
  readonly guests: boolean;
}

/** What a client asks for when it registers. */
export interface RegistrationWishes {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly deviceId: DeviceId | undefined;
  readonly displayName: string | undefined;
  readonly inhibitLogin: boolean;
  readonly refreshable: boolean;
  readonly auth: unknown;
}

/** Makes accounts (Client-Server API, "Account registration"). */
export class Registration {
  readonly #database: Database;
  readonly #sessions: Sessions;
  readonly #passwords: Passwords;
  readonly #interactive: InteractiveAuth;
  readonly #policy: RegistrationPolicy;
  readonly #serverName: ServerName;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;

  constructor(needs: {
    database: Database;
    sessions: Sessions;
    passwords: Passwords;
    interactive: InteractiveAuth;
    policy: RegistrationPolicy;
    serverName: ServerName;
    clock: { now(): number };
    opaque: (length: number) => string;
  }) {
    this.#database = needs.database;
    this.#sessions = needs.sessions;
    this.#passwords = needs.passwords;
    this.#interactive = needs.interactive;
    this.#policy = needs.policy;
    this.#serverName = needs.serverName;
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
  }

  /**
   * Registers a user after interactive authentication.
   *
   * @throws MatrixError 403 where registration is closed, 400 M_USER_IN_USE, M_INVALID_USERNAME, M_WEAK_PASSWORD, and 401
   *   while stages are missing.
   */
  async register(
    wishes: RegistrationWishes,
  ): Promise<{ userId: UserId; session: OpenedSession | undefined }> {
    if (!this.#policy.enabled) throw forbidden('Registration is closed on this server');
    const wanted = wishes.username === undefined ? undefined : this.userIdOf(wishes.username);
    if (wanted) await this.assertAvailable(wanted);
    if (wishes.password !== undefined) this.#passwords.assertAcceptable(wishes.password);
    const proof = await this.#interactive.prove(this.#challenge(), wishes.auth);
    const userId = wanted ?? this.userIdOf(this.#opaque(12).toLowerCase());
    const token = proof['m.login.registration_token']?.token;
    return this.#create(userId, wishes, {
      isGuest: false,
      token: typeof token === 'string' ? token : undefined,
    });
  }

  /** Makes a guest account with a session. */
  async registerGuest(
    displayName: string | undefined,
  ): Promise<{ userId: UserId; session: OpenedSession | undefined }> {
    if (!this.#policy.guests) {
      throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'This server does not take guests');
    }
    const userId = this.userIdOf(`guest-${this.#opaque(12).toLowerCase()}`);
    const wishes = {
      username: undefined,
      password: undefined,
      deviceId: undefined,
      displayName,
      inhibitLogin: false,
      refreshable: false,
      auth: undefined,
    };
    return this.#create(userId, wishes, { isGuest: true, token: undefined });
  }

  /** Makes an account without any questions, for administrators. */
  async createUser(username: string, password: string, isAdmin: boolean): Promise<UserId> {
    const userId = this.userIdOf(username);
    const unit = new UnitOfWork();
    const passwordHash = await this.#passwords.hash(password);
    usersStore.insert(unit, { userId, passwordHash, isGuest: false, isAdmin, createdAt: this.#clock.now() });
    nameAfterLocalpart(unit, userId);
    await this.#commitNew(unit, userId);
    return userId;
  }

  /** Opens a first session for a user who was just made. */
  async openSession(userId: UserId): Promise<OpenedSession> {
    const unit = new UnitOfWork();
    const wishes = { userId, deviceId: undefined, displayName: undefined, refreshable: false };
    const session = this.#sessions.open(unit, wishes);
    await this.#database.commit(unit);
    return session;
  }

  /** Whether one can register with the token now. */
  isTokenUsable(token: string): Promise<boolean> {
    return registrationTokensStore.isUsable(this.#database, token, this.#clock.now());
  }

  /** @throws MatrixError 400 M_USER_IN_USE. */
  async assertAvailable(userId: UserId): Promise<void> {
    if (await usersStore.byId(this.#database, userId)) throw userInUse();
  }

  /** The ID of a new user. Takes a localpart, or a full ID of this server. 400 M_INVALID_USERNAME. */
  userIdOf(username: string): UserId {
    const suffix = `:${this.#serverName}`;
    const isFull = username.startsWith('@') && username.endsWith(suffix);
    const localpart = (isFull ? username.slice(1, -suffix.length) : username).toLowerCase();
    const userId = parseUserId(`@${localpart}${suffix}`);
    if (!userId || !isLocalpartForNewUsers(localpart)) {
      throw new MatrixError(
        400,
        'M_INVALID_USERNAME',
        'A user name may have the letters a-z, digits and . _ = - / +, and 255 characters with the server',
      );
    }
    return userId;
  }

  #challenge(): Challenge {
    if (this.#policy.requiresToken) {
      const stage = registrationTokenStage(this.#database, this.#clock);
      return { purpose: 'register', flows: [[stage.type]], stages: [stage] };
    }
    return { purpose: 'register', flows: [[dummyStage.type]], stages: [dummyStage] };
  }

  async #create(
    userId: UserId,
    wishes: RegistrationWishes,
    kind: { isGuest: boolean; token: string | undefined },
  ): Promise<{ userId: UserId; session: OpenedSession | undefined }> {
    const passwordHash = wishes.password === undefined ? null : await this.#passwords.hash(wishes.password);
    const unit = new UnitOfWork();
    const { isGuest } = kind;
    usersStore.insert(unit, { userId, passwordHash, isGuest, isAdmin: false, createdAt: this.#clock.now() });
    if (!isGuest) nameAfterLocalpart(unit, userId);
    if (kind.token !== undefined) registrationTokensStore.use(unit, kind.token);
    const session = wishes.inhibitLogin
      ? undefined
      : this.#sessions.open(unit, {
          userId,
          deviceId: wishes.deviceId,
          displayName: wishes.displayName,
          refreshable: wishes.refreshable,
        });
    await this.#commitNew(unit, userId);
    return { userId, session };
  }

  async #commitNew(unit: UnitOfWork, userId: UserId): Promise<void> {
    try {
      await this.#database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
      await this.assertAvailable(userId);
      throw new MatrixError(401, 'M_UNAUTHORIZED', 'The registration token has been used up');
    }
  }
}

/** A new user is called by the localpart until they choose a name. */
function nameAfterLocalpart(unit: UnitOfWork, userId: UserId): void {
  profilesStore.put(unit, userId, 'displayname', JSON.stringify(localpartOf(userId)));
  unit.announce({ topic: 'profile', position: unit.position(), users: [userId] });
}

function userInUse(): MatrixError {
  return new MatrixError(400, 'M_USER_IN_USE', 'This user name is taken');
}

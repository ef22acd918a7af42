import {
  isLocalpartForNewUsers,
  localpartOf,
  parseUserId,
  type DeviceId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import type { JsonValue } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { GuardFailed, type Database, type Writer } from '../../storage/database.ts';
import * as profilesStore from '../../storage/accounts/profiles-store.ts';
import * as termsStore from '../../storage/accounts/terms-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';
import type { Appservice, Appservices } from '../application-services/appservices.ts';
import type { Passwords } from '../passwords.ts';
import type { RegistrationTokens } from './registration-tokens.ts';
import type { OpenedSession, Sessions, TokenForm } from '../sessions.ts';
import type { ProvenThreepid } from '../threepids/threepid-stages.ts';
import type { Threepids } from '../threepids/threepids.ts';
import type { ThreepidValidation } from '../threepids/threepid-validation.ts';

/** What a new account and its first session are to be. */
export interface NewAccountWishes {
  readonly password: string | undefined;
  readonly deviceId: DeviceId | undefined;
  readonly displayName: string | undefined;
  readonly inhibitLogin: boolean;
  readonly form: TokenForm;
}

/** What an account is made with. */
export interface AccountKind {
  /** The account is there already, as a guest's. */
  readonly upgrades?: boolean;
  readonly isGuest: boolean;
  readonly token: string | undefined;
  readonly threepids: readonly ProvenThreepid[];
  /** Policies that the person agreed to. */
  readonly agreed: JsonValue | undefined;
}

/** Makes accounts, for whoever may have one: who that is others decide. */
export class NewAccounts {
  readonly #database: Database;
  readonly #sessions: Sessions;
  readonly #passwords: Passwords;
  readonly #tokens: RegistrationTokens;
  readonly #threepids: Threepids;
  readonly #validation: ThreepidValidation;
  readonly #appservices: Appservices;
  readonly #serverName: ServerName;
  readonly #noticesUser: UserId;
  readonly #clock: { now(): number };
  readonly #onCreated: ((unit: Writer, userId: UserId, name: string) => void)[] = [];

  constructor(needs: {
    database: Database;
    sessions: Sessions;
    passwords: Passwords;
    tokens: RegistrationTokens;
    threepids: Threepids;
    validation: ThreepidValidation;
    appservices: Appservices;
    serverName: ServerName;
    /** Whom the server itself speaks as: nobody gets this name. */
    noticesUser: UserId;
    clock: { now(): number };
  }) {
    this.#database = needs.database;
    this.#sessions = needs.sessions;
    this.#passwords = needs.passwords;
    this.#tokens = needs.tokens;
    this.#threepids = needs.threepids;
    this.#validation = needs.validation;
    this.#appservices = needs.appservices;
    this.#serverName = needs.serverName;
    this.#noticesUser = needs.noticesUser;
    this.#clock = needs.clock;
  }

  /** What else belongs into the unit of work that makes an account which is not a guest's, and its first name. */
  onCreated(listener: (unit: Writer, userId: UserId, name: string) => void): void {
    this.#onCreated.push(listener);
  }

  /** Whether no account was made for a person so far. */
  async isFirst(): Promise<boolean> {
    return !(await usersStore.isAnybodyThere(this.#database));
  }

  /**
   * Makes an account without any questions, for administrators. Its name is the localpart if none is given.
   *
   * @throws MatrixError 400 M_USER_IN_USE, M_INVALID_USERNAME, M_WEAK_PASSWORD, M_EXCLUSIVE for the server's own name.
   */
  async createUser(
    username: string,
    password: string,
    isAdmin: boolean,
    displayName?: string,
  ): Promise<UserId> {
    const userId = this.userIdOf(username);
    this.assertNotServers(userId);
    const unit = new UnitOfWork();
    const passwordHash = await this.#passwords.hash(password);
    usersStore.insert(unit, { userId, passwordHash, isGuest: false, isAdmin, createdAt: this.#clock.now() });
    this.#name(unit, userId, displayName ?? localpartOf(userId));
    await this.#commitNew(unit, userId);
    return userId;
  }

  /**
   * Makes an account for somebody who signs in by another service, without a password.
   *
   * @param also what else belongs into the unit of work.
   * @throws GuardFailed when the name is taken, or a guard of `also` fails; MatrixError 400 M_EXCLUSIVE.
   */
  async createLinked(userId: UserId, displayName: string, also: (unit: Writer) => void): Promise<void> {
    this.#assertNotReserved(userId);
    const unit = new UnitOfWork();
    const createdAt = this.#clock.now();
    usersStore.insert(unit, { userId, passwordHash: null, isGuest: false, isAdmin: false, createdAt });
    also(unit);
    this.#name(unit, userId, displayName);
    await this.#database.commit(unit);
  }

  /** Opens a first session for a user who was just made. */
  async openSession(userId: UserId): Promise<OpenedSession> {
    const unit = new UnitOfWork();
    const wishes = { userId, deviceId: undefined, displayName: undefined, form: 'lasting' as const };
    const session = await this.#sessions.open(unit, wishes);
    await this.#database.commit(unit);
    return session;
  }

  /**
   * @param own the application service that makes the user, if one does.
   * @throws MatrixError 400 M_USER_IN_USE, M_EXCLUSIVE.
   */
  async assertAvailable(userId: UserId, own?: Appservice): Promise<void> {
    this.#assertNotReserved(userId, own);
    if (await usersStore.byId(this.#database, userId)) throw userInUse();
  }

  /** @throws MatrixError 400 M_EXCLUSIVE for the user whom the server itself speaks as. */
  assertNotServers(userId: UserId): void {
    if (userId !== this.#noticesUser) return;
    throw new MatrixError(400, 'M_EXCLUSIVE', `${userId} is the server itself: choose another user name`);
  }

  /** The ID of a new user. Takes a localpart, or a full ID of this server. 400 M_INVALID_USERNAME. */
  userIdOf(username: string): UserId {
    const suffix = `:${this.#serverName}`;
    const isFull = username.startsWith('@') && username.endsWith(suffix);
    if (!isFull && parseUserId(username)) {
      throw new MatrixError(
        400,
        'M_INVALID_USERNAME',
        `${username} is not a user of this server, which is ${this.#serverName}`,
      );
    }
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

  /**
   * Makes an account, with a first session unless that is not wished.
   *
   * @throws MatrixError 400 M_USER_IN_USE, M_THREEPID_IN_USE; `ProofUsedUp` where another account was made by the same proof.
   */
  async create(
    userId: UserId,
    wishes: NewAccountWishes,
    kind: AccountKind,
  ): Promise<{ userId: UserId; session: OpenedSession | undefined }> {
    const passwordHash = wishes.password === undefined ? null : await this.#passwords.hash(wishes.password);
    const unit = new UnitOfWork();
    const { isGuest } = kind;
    if (kind.upgrades === true) {
      usersStore.makeFullUser(unit, userId, passwordHash);
      this.#sessions.announce(unit, userId);
      await this.#nameAgain(unit, userId);
    } else {
      const createdAt = this.#clock.now();
      usersStore.insert(unit, { userId, passwordHash, isGuest, isAdmin: false, createdAt });
      // A new user is called by the localpart until they choose a name.
      if (!isGuest) this.#name(unit, userId, localpartOf(userId));
    }
    if (kind.token !== undefined) this.#tokens.use(unit, kind.token);
    for (const proven of kind.threepids) {
      this.#threepids.put(unit, userId, proven);
      if (proven.sid !== undefined) this.#validation.consume(unit, proven.sid);
    }
    if (kind.agreed !== undefined) {
      termsStore.agree(unit, userId, JSON.stringify(kind.agreed), this.#clock.now());
    }
    const session = wishes.inhibitLogin
      ? undefined
      : await this.#sessions.open(unit, {
          userId,
          deviceId: wishes.deviceId,
          displayName: wishes.displayName,
          form: wishes.form,
        });
    await this.#commitNew(unit, userId, kind.threepids);
    return { userId, session };
  }

  #assertNotReserved(userId: UserId, own?: Appservice): void {
    this.assertNotServers(userId);
    this.#appservices.assertNotReserved(userId, own);
  }

  /** A guest who becomes a user keeps the name that they chose, if they did. */
  async #nameAgain(unit: UnitOfWork, userId: UserId): Promise<void> {
    const profile = await profilesStore.ofUser(this.#database, userId);
    const chosen = profile.find(({ field }) => field === 'displayname');
    this.#name(unit, userId, chosen ? (JSON.parse(chosen.value) as string) : localpartOf(userId));
  }

  #name(unit: UnitOfWork, userId: UserId, name: string): void {
    profilesStore.put(unit, userId, 'displayname', JSON.stringify(name));
    unit.announce({ topic: 'profile', position: unit.position(), users: [userId] });
    for (const listener of this.#onCreated) listener(unit, userId, name);
  }

  async #commitNew(
    unit: UnitOfWork,
    userId: UserId,
    threepids: readonly ProvenThreepid[] = [],
  ): Promise<void> {
    try {
      await this.#database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
      await this.assertAvailable(userId);
      for (const threepid of threepids) {
        if ((await this.#threepids.owner(threepid)) === undefined) continue;
        throw new MatrixError(400, 'M_THREEPID_IN_USE', 'This address belongs to an account already');
      }
      throw new ProofUsedUp();
    }
  }
}

/** Another account was made with the same registration token or proven address meanwhile. */
export class ProofUsedUp extends MatrixError {
  constructor() {
    super(401, 'M_UNAUTHORIZED', 'The registration token or the proof has been used up');
  }
}

function userInUse(): MatrixError {
  return new MatrixError(400, 'M_USER_IN_USE', 'This user name is taken');
}

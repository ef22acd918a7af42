import {
  isLocalpartForNewUsers,
  localpartOf,
  parseUserId,
  type DeviceId,
  type ServerName,
  type UserId,
} from '../protocol/identifiers.ts';
import type { JsonValue } from '../protocol/json.ts';
import { badJson, forbidden, MatrixError } from '../protocol/matrix-error.ts';
import { GuardFailed, type Database, type Writer } from '../storage/database.ts';
import * as profilesStore from '../storage/profiles-store.ts';
import * as registrationTokensStore from '../storage/registration-tokens-store.ts';
import * as termsStore from '../storage/terms-store.ts';
import * as usersStore from '../storage/users-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import type { Appservice, Appservices } from './application-services/appservices.ts';
import { assertIsGuest } from './guest-upgrade.ts';
import type { Challenge, InteractiveAuth, Stage } from './interactive-auth.ts';
import type { Passwords } from './passwords.ts';
import type { OpenedSession, Sessions, TokenForm } from './sessions.ts';
import { threepidsIn, type ProvenThreepid } from './threepid-stages.ts';
import type { Threepids } from './threepids.ts';
import type { ThreepidValidation } from './threepid-validation.ts';

/** Who may register. */
export interface RegistrationPolicy {
  readonly enabled: boolean;
  readonly guests: boolean;
}

/** What a client asks for when it registers. */
export interface RegistrationWishes {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly deviceId: DeviceId | undefined;
  readonly displayName: string | undefined;
  readonly inhibitLogin: boolean;
  readonly form: TokenForm;
  /** Whether identity servers that proved an address tell others whose it is (2015). */
  readonly bindAddresses?: boolean;
  readonly auth: unknown;
  /** Of the guest whose account is to become a full one. */
  readonly guestAccessToken?: string | undefined;
}

/** What an account is made with. */
interface Kind {
  /** The account is there already, as a guest's. */
  readonly upgrades?: boolean;
  readonly isGuest: boolean;
  readonly token: string | undefined;
  readonly threepids: readonly ProvenThreepid[];
  /** Policies that the person agreed to. */
  readonly agreed: JsonValue | undefined;
}

/** Makes accounts (Client-Server API, "Account registration"). */
export class Registration {
  readonly #database: Database;
  readonly #sessions: Sessions;
  readonly #passwords: Passwords;
  readonly #interactive: InteractiveAuth;
  readonly #challenge: Challenge;
  readonly #threepids: Threepids;
  readonly #validation: ThreepidValidation;
  readonly #policy: RegistrationPolicy;
  readonly #appservices: Appservices;
  readonly #serverName: ServerName;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;
  readonly #onCreated: ((unit: Writer, userId: UserId, name: string) => void)[] = [];

  constructor(needs: {
    database: Database;
    sessions: Sessions;
    passwords: Passwords;
    interactive: InteractiveAuth;
    challenge: Challenge;
    threepids: Threepids;
    validation: ThreepidValidation;
    policy: RegistrationPolicy;
    appservices: Appservices;
    serverName: ServerName;
    clock: { now(): number };
    opaque: (length: number) => string;
  }) {
    this.#database = needs.database;
    this.#sessions = needs.sessions;
    this.#passwords = needs.passwords;
    this.#interactive = needs.interactive;
    this.#challenge = needs.challenge;
    this.#threepids = needs.threepids;
    this.#validation = needs.validation;
    this.#policy = needs.policy;
    this.#appservices = needs.appservices;
    this.#serverName = needs.serverName;
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
  }

  /**
   * Registers a user after interactive authentication, or makes a guest one.
   *
   * @throws MatrixError 403 where registration is closed, 400 M_USER_IN_USE, M_INVALID_USERNAME, M_WEAK_PASSWORD, and 401
   *   while stages are missing.
   */
  async register(
    wishes: RegistrationWishes,
  ): Promise<{ userId: UserId; session: OpenedSession | undefined }> {
    if (!this.#policy.enabled) throw forbidden('Registration is closed on this server');
    const wanted = wishes.username === undefined ? undefined : this.userIdOf(wishes.username);
    const { guestAccessToken: guest } = wishes;
    if (guest !== undefined) await assertIsGuest(this.#sessions, guest, wanted);
    else if (wanted) await this.assertAvailable(wanted);
    if (wishes.password !== undefined) this.#passwords.assertAcceptable(wishes.password);
    const proof = await this.#interactive.prove(this.#challenge, wishes.auth);
    const userId = wanted ?? this.userIdOf(this.#opaque(12).toLowerCase());
    const token = proof['m.login.registration_token']?.token;
    const threepids = threepidsIn(proof);
    try {
      const made = await this.#create(userId, wishes, {
        isGuest: false,
        upgrades: guest !== undefined,
        token: typeof token === 'string' ? token : undefined,
        threepids,
        agreed: proof['m.login.terms']?.agreed,
      });
      if (wishes.bindAddresses === true) await this.#bind(userId, threepids);
      return made;
    } catch (error) {
      if (error instanceof ProofUsedUp) throw await this.#interactive.startAgain(this.#challenge, error);
      throw error;
    }
  }

  /** What is asked of who registers: lists of stage types, one of which has to be gone through. */
  get flows(): readonly (readonly string[])[] {
    return this.#challenge.flows;
  }

  /** Begins the stages of a registration on pages; gives the session. 403 where registration is closed. */
  beginOnPages(): Promise<string> {
    if (!this.#policy.enabled) throw forbidden('Registration is closed on this server');
    return this.#interactive.begin(this.#challenge);
  }

  /** The stages that are left of a registration on pages. 400 M_UNKNOWN for a session that is not known. */
  stagesLeft(session: string): Promise<readonly Stage[]> {
    return this.#interactive.stagesLeft(this.#challenge, session);
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
      form: 'lasting' as const,
      auth: undefined,
    };
    return this.#create(userId, wishes, {
      isGuest: true,
      token: undefined,
      threepids: [],
      agreed: undefined,
    });
  }

  /** What else belongs into the unit of work that makes an account which is not a guest's, and its first name. */
  onCreated(listener: (unit: Writer, userId: UserId, name: string) => void): void {
    this.#onCreated.push(listener);
  }

  /** Makes an account without any questions, for administrators. */
  async createUser(username: string, password: string, isAdmin: boolean): Promise<UserId> {
    const userId = this.userIdOf(username);
    const unit = new UnitOfWork();
    const passwordHash = await this.#passwords.hash(password);
    usersStore.insert(unit, { userId, passwordHash, isGuest: false, isAdmin, createdAt: this.#clock.now() });
    this.#nameAfterLocalpart(unit, userId);
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
    this.#appservices.assertNotReserved(userId, undefined);
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
    const session = this.#sessions.open(unit, wishes);
    await this.#database.commit(unit);
    return session;
  }

  /** Whether one can register with the token now. */
  isTokenUsable(token: string): Promise<boolean> {
    return registrationTokensStore.isUsable(this.#database, token, this.#clock.now());
  }

  /**
   * Registers a user of an application service (Application Service API, "Server admin style permissions").
   *
   * @throws MatrixError 400 M_EXCLUSIVE outside its namespaces, M_USER_IN_USE, M_INVALID_USERNAME.
   */
  async registerForAppservice(
    appserviceId: string,
    wishes: RegistrationWishes,
  ): Promise<{ userId: UserId; session: OpenedSession | undefined }> {
    const service = this.#appservices.byId(appserviceId);
    if (!service) throw forbidden('Only application services may register users in this way');
    if (wishes.username === undefined) throw badJson('"username" must be given');
    const userId = this.userIdOf(wishes.username);
    this.#appservices.assertOwns(service, userId);
    await this.assertAvailable(userId, service);
    return this.#create(userId, wishes, {
      isGuest: false,
      token: undefined,
      threepids: [],
      agreed: undefined,
    });
  }

  /**
   * @param own the application service that makes the user, if one does.
   * @throws MatrixError 400 M_USER_IN_USE, M_EXCLUSIVE.
   */
  async assertAvailable(userId: UserId, own?: Appservice): Promise<void> {
    this.#appservices.assertNotReserved(userId, own);
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

  async #create(
    userId: UserId,
    wishes: RegistrationWishes,
    kind: Kind,
  ): Promise<{ userId: UserId; session: OpenedSession | undefined }> {
    const passwordHash = wishes.password === undefined ? null : await this.#passwords.hash(wishes.password);
    const unit = new UnitOfWork();
    const { isGuest } = kind;
    if (kind.upgrades === true) {
      usersStore.makeFullUser(unit, userId, passwordHash);
      this.#sessions.announce(unit, userId);
    } else {
      const createdAt = this.#clock.now();
      usersStore.insert(unit, { userId, passwordHash, isGuest, isAdmin: false, createdAt });
    }
    if (!isGuest) this.#nameAfterLocalpart(unit, userId);
    if (kind.token !== undefined) registrationTokensStore.use(unit, kind.token);
    for (const proven of kind.threepids) {
      this.#threepids.put(unit, userId, proven);
      if (proven.sid !== undefined) this.#validation.consume(unit, proven.sid);
    }
    if (kind.agreed !== undefined) {
      termsStore.agree(unit, userId, JSON.stringify(kind.agreed), this.#clock.now());
    }
    const session = wishes.inhibitLogin
      ? undefined
      : this.#sessions.open(unit, {
          userId,
          deviceId: wishes.deviceId,
          displayName: wishes.displayName,
          form: wishes.form,
        });
    await this.#commitNew(unit, userId, kind.threepids);
    return { userId, session };
  }

  /** The account is there, whether an identity server does its part or not. */
  async #bind(userId: UserId, threepids: readonly ProvenThreepid[]): Promise<void> {
    for (const { at } of threepids) {
      if (!at) continue;
      try {
        await this.#threepids.bind(userId, { idServer: at.idServer, accessToken: undefined }, at.name);
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error;
      }
    }
  }

  /** A new user is called by the localpart until they choose a name. */
  #nameAfterLocalpart(unit: UnitOfWork, userId: UserId): void {
    this.#name(unit, userId, localpartOf(userId));
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
class ProofUsedUp extends MatrixError {
  constructor() {
    super(401, 'M_UNAUTHORIZED', 'The registration token or the proof has been used up');
  }
}

function userInUse(): MatrixError {
  return new MatrixError(400, 'M_USER_IN_USE', 'This user name is taken');
}

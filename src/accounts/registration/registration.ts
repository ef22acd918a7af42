import type { UserId } from '../../protocol/identifiers.ts';
import { badJson, forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import type { Appservices } from '../application-services/appservices.ts';
import { assertIsGuest } from './guest-upgrade.ts';
import type { Challenge, InteractiveAuth, Stage } from '../interactive-auth.ts';
import { ProofUsedUp, type NewAccounts, type NewAccountWishes } from './new-accounts.ts';
import type { Passwords } from '../passwords.ts';
import type { RegistrationTokens } from './registration-tokens.ts';
import type { OpenedSession, Sessions } from '../sessions.ts';
import { threepidsIn, type ProvenThreepid } from '../threepids/threepid-stages.ts';
import type { Threepids } from '../threepids/threepids.ts';

/** Names that are thought of for who did not choose any: of a wide namespace, some are not in it. */
const MOST_NAMES = 20;

/** Who may register. */
export interface RegistrationPolicy {
  readonly enabled: boolean;
  readonly guests: boolean;
}

/** What a client asks for when it registers. */
export interface RegistrationWishes extends NewAccountWishes {
  readonly username: string | undefined;
  /** Whether identity servers that proved an address tell others whose it is (2015). */
  readonly bindAddresses?: boolean;
  readonly auth: unknown;
  /** Of the guest whose account is to become a full one. */
  readonly guestAccessToken?: string | undefined;
}

/** Lets people register (Client-Server API, "Account registration"). */
export class Registration {
  readonly #tokens: RegistrationTokens;
  readonly #accounts: NewAccounts;
  readonly #sessions: Sessions;
  readonly #passwords: Passwords;
  readonly #interactive: InteractiveAuth;
  readonly #challenge: Challenge;
  readonly #threepids: Threepids;
  readonly #policy: RegistrationPolicy;
  readonly #appservices: Appservices;
  readonly #opaque: (length: number) => string;

  constructor(needs: {
    accounts: NewAccounts;
    tokens: RegistrationTokens;
    sessions: Sessions;
    passwords: Passwords;
    interactive: InteractiveAuth;
    challenge: Challenge;
    threepids: Threepids;
    policy: RegistrationPolicy;
    appservices: Appservices;
    opaque: (length: number) => string;
  }) {
    this.#accounts = needs.accounts;
    this.#tokens = needs.tokens;
    this.#sessions = needs.sessions;
    this.#passwords = needs.passwords;
    this.#interactive = needs.interactive;
    this.#challenge = needs.challenge;
    this.#threepids = needs.threepids;
    this.#policy = needs.policy;
    this.#appservices = needs.appservices;
    this.#opaque = needs.opaque;
  }

  /**
   * Registers a user after interactive authentication, or makes a guest one.
   *
   * @throws MatrixError 403 where registration is closed, 400 M_USER_IN_USE, M_EXCLUSIVE, M_INVALID_USERNAME,
   *   M_WEAK_PASSWORD, and 401 while stages are missing.
   */
  async register(
    wishes: RegistrationWishes,
  ): Promise<{ userId: UserId; session: OpenedSession | undefined }> {
    if (!this.#policy.enabled) throw forbidden('Registration is closed on this server');
    const wanted = wishes.username === undefined ? undefined : this.#accounts.userIdOf(wishes.username);
    const { guestAccessToken: guest } = wishes;
    if (guest !== undefined) await assertIsGuest(this.#sessions, guest, wanted);
    else if (wanted) await this.#accounts.assertAvailable(wanted);
    const userId = wanted ?? (await this.#chosenName(''));
    if (wishes.password !== undefined) this.#passwords.assertAcceptable(wishes.password);
    const proof = await this.#interactive.prove(this.#challenge, wishes.auth);
    const token = proof['m.login.registration_token']?.token;
    const threepids = threepidsIn(proof);
    try {
      const made = await this.#accounts.create(userId, wishes, {
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

  /** Makes a guest account with a session. 400 M_EXCLUSIVE where an application service has the names of guests. */
  async registerGuest(
    displayName: string | undefined,
  ): Promise<{ userId: UserId; session: OpenedSession | undefined }> {
    if (!this.#policy.guests) {
      throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'This server does not take guests');
    }
    const userId = await this.#chosenName('guest-');
    const wishes = {
      username: undefined,
      password: undefined,
      deviceId: undefined,
      displayName,
      inhibitLogin: false,
      form: 'lasting' as const,
      auth: undefined,
    };
    return this.#accounts.create(userId, wishes, {
      isGuest: true,
      token: undefined,
      threepids: [],
      agreed: undefined,
    });
  }

  /** Whether one can register with the token now. 403 where registration is closed: no token is any good then. */
  async isTokenUsable(token: string): Promise<boolean> {
    if (!this.#policy.enabled) throw forbidden('Registration is closed on this server');
    return this.#tokens.isUsable(token);
  }

  /**
   * Registers a user of an application service (Application Service API, "Server admin style permissions").
   *
   * @throws MatrixError 401 M_MISSING_TOKEN where none asks, 400 M_EXCLUSIVE outside its namespaces, M_USER_IN_USE,
   *   M_INVALID_USERNAME.
   */
  async registerForAppservice(
    appserviceId: string | undefined,
    wishes: RegistrationWishes,
  ): Promise<{ userId: UserId; session: OpenedSession | undefined }> {
    const service = this.#appservices.asking(appserviceId);
    if (wishes.username === undefined) throw badJson('"username" must be given');
    const userId = this.#accounts.userIdOf(wishes.username);
    this.#appservices.assertOwns(service, userId);
    await this.#accounts.assertAvailable(userId, service);
    return this.#accounts.create(userId, wishes, {
      isGuest: false,
      token: undefined,
      threepids: [],
      agreed: undefined,
    });
  }

  /** A name for who did not choose any. 400 M_EXCLUSIVE where application services have all that were thought of. */
  async #chosenName(prefix: string): Promise<UserId> {
    for (let tries = 1; ; tries++) {
      const userId = this.#accounts.userIdOf(`${prefix}${this.#opaque(12).toLowerCase()}`);
      try {
        await this.#accounts.assertAvailable(userId);
        return userId;
      } catch (error) {
        if (!(error instanceof MatrixError) || tries === MOST_NAMES) throw error;
      }
    }
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
}

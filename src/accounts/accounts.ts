import type { DeviceId, UserId } from '../protocol/identifiers.ts';
import { forbidden, MatrixError, notFound } from '../protocol/matrix-error.ts';
import type { Database, Writer } from '../storage/database.ts';
import { commitOrRefuse } from '../storage/guarded-commit.ts';
import * as devicesStore from '../storage/accounts/devices-store.ts';
import type { DeviceRow } from '../storage/accounts/devices-store.ts';
import * as usersStore from '../storage/accounts/users-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import type { Session } from '../wire/session.ts';
import type { AccountClosing } from './account-closing.ts';
import { assertNoCrossSigningKey } from './device-ids.ts';
import type { InteractiveAuth, Stage } from './interactive-auth.ts';
import type { Passwords } from './passwords.ts';
import type { Sessions } from './sessions.ts';
import { passwordStage, ssoStage } from './stages.ts';
import type { Threepid } from './threepids/threepid-addresses.ts';
import { threepidsIn, threepidStage } from './threepids/threepid-stages.ts';
import type { ThreepidValidation } from './threepids/threepid-validation.ts';
import type { Threepids } from './threepids/threepids.ts';

/** What an account does to its devices: names one, ends some, or all but perhaps one. */
export type DeviceChange =
  | { readonly renamed: DeviceId; readonly name: string | undefined }
  | { readonly ended: readonly DeviceId[] }
  | { readonly endedAllBut: DeviceId | undefined };

/** What people do with the accounts and devices that they have. */
export class Accounts {
  readonly #database: Database;
  readonly #sessions: Sessions;
  readonly #passwords: Passwords;
  readonly #interactive: InteractiveAuth;
  readonly #threepids: Threepids;
  readonly #validation: ThreepidValidation;
  readonly #noticesUser: UserId;
  readonly #allowAttempt: (account: string) => void;
  readonly #closing: AccountClosing;
  readonly #onClosing: ((unit: Writer, userId: UserId) => void)[] = [];
  readonly #onDevicesChanged: ((unit: Writer, userId: UserId, change: DeviceChange) => Promise<void>)[] = [];

  constructor(needs: {
    database: Database;
    sessions: Sessions;
    passwords: Passwords;
    interactive: InteractiveAuth;
    threepids: Threepids;
    validation: ThreepidValidation;
    closing: AccountClosing;
    /** Whom the server itself speaks as: nobody logs in as this user. */
    noticesUser: UserId;
    allowAttempt: (account: string) => void;
  }) {
    this.#database = needs.database;
    this.#sessions = needs.sessions;
    this.#passwords = needs.passwords;
    this.#interactive = needs.interactive;
    this.#threepids = needs.threepids;
    this.#validation = needs.validation;
    this.#closing = needs.closing;
    this.#noticesUser = needs.noticesUser;
    this.#allowAttempt = needs.allowAttempt;
  }

  /** What else belongs into the unit of work that closes an account. */
  onClosing(listener: (unit: Writer, userId: UserId) => void): void {
    this.#onClosing.push(listener);
  }

  /** What else belongs into a unit of work that ends or renames devices. */
  onDevicesChanged(listener: (unit: Writer, userId: UserId, change: DeviceChange) => Promise<void>): void {
    this.#onDevicesChanged.push(listener);
  }

  /**
   * Lets the request through when the user proves who they are; else 401 with what to do. 403 for tokens of the OAuth
   * 2.0 API, whose clients do this on the account page. Application services have proven enough by their token.
   */
  async confirm(session: Session, purpose: string, auth: unknown): Promise<void> {
    assertLegacy(session);
    if (session.appserviceId !== undefined) return;
    const { userId } = session;
    const stages = await this.#stagesOf(userId);
    const flows = stages.map(({ type }) => [type]);
    await this.#interactive.prove({ purpose: `${purpose} ${userId}`, flows, stages }, auth);
  }

  /**
   * Whose password may be set: of who is logged in after proof by password or by an address of theirs; else of the owner of
   * the address that is proven.
   *
   * @param password the new one: it is looked at before anything is used up by which it may be set.
   * @param more further stages, each of which is enough.
   * @throws MatrixError 401 with what to do, or M_MISSING_TOKEN where only a session would do; 400 M_WEAK_PASSWORD.
   */
  async confirmPasswordChange(
    session: Session | undefined,
    password: string,
    auth: unknown,
    more: readonly Stage[] = [],
  ): Promise<UserId> {
    if (session) assertLegacy(session);
    this.#passwords.assertAcceptable(password);
    const stages: Stage[] = (['email', 'msisdn'] as const)
      .filter((medium) => this.#validation.canSend(medium))
      .map((medium) => threepidStage(this.#validation, medium, 'password'));
    if (session) stages.unshift(...(await this.#stagesOf(session.userId)));
    stages.push(...more);
    if (stages.length === 0) {
      throw new MatrixError(401, 'M_MISSING_TOKEN', 'Passwords can be changed here only by who is logged in');
    }
    const purpose = session ? `password ${session.userId}` : 'password';
    const flows = stages.map(({ type }) => [type]);
    const proof = await this.#interactive.prove({ purpose, flows, stages }, auth);
    const [proven] = threepidsIn(proof);
    if (!proven) {
      if (session) return session.userId;
      throw forbidden('No address was proven');
    }
    const owner = await this.#threepids.owner(proven);
    if (owner === undefined) throw notFound('No account here has the address that was proven');
    if (session && owner !== session.userId) {
      throw forbidden('The address that was proven does not belong to this account');
    }
    if (proven.sid !== undefined) await this.#useUp(proven.sid);
    return owner;
  }

  /**
   * Sets a password, and signs the user out of every browser.
   *
   * @param keep the one device that stays logged in; undefined for none.
   * @throws MatrixError 404 for a user who is not there or closed the account, 403 for the user whom the server speaks as.
   */
  async setPassword(
    userId: UserId,
    password: string,
    keep: DeviceId | 'keep all' | undefined,
  ): Promise<void> {
    if (userId === this.#noticesUser)
      throw forbidden(`${userId} is the server itself: nobody can log in as it`);
    const unit = new UnitOfWork();
    usersStore.setPassword(unit, userId, await this.#passwords.hash(password));
    this.#sessions.endBrowsers(unit, userId);
    if (keep !== 'keep all') {
      this.#sessions.endAll(unit, userId, keep);
      await this.#devicesChanged(unit, userId, { endedAllBut: keep });
    }
    await commitOrRefuse(this.#database, unit, () => notFound(`There is no active user ${userId}`));
  }

  /**
   * Makes a device without a token, for an application service; where it is there already, gives it the name. 403 for an ID
   * that is a cross-signing key.
   *
   * @returns whether it was not there before.
   */
  async makeDevice(userId: UserId, deviceId: DeviceId, name: string | undefined): Promise<boolean> {
    await assertNoCrossSigningKey(this.#database, userId, deviceId);
    const before = await devicesStore.byId(this.#database, userId, deviceId);
    const unit = new UnitOfWork();
    devicesStore.put(unit, userId, deviceId, name);
    const known = name ?? before?.display_name ?? undefined;
    await this.#devicesChanged(unit, userId, { renamed: deviceId, name: known });
    await this.#database.commit(unit);
    return before === undefined;
  }

  /**
   * Closes an account for good: its password, devices and tokens end, and it leaves its rooms. Goes on with one that is
   * closed and did not get out of all of them.
   *
   * @param erase whether what is kept of the user beside events goes, too, and their messages are hidden from who comes
   *   later.
   * @returns whether it is out of its rooms; if not, a server that runs goes on with that.
   * @throws MatrixError 404 where there is no such user, or nothing is left to be done.
   */
  async deactivate(userId: UserId, erase = false): Promise<boolean> {
    if (!(await this.#closing.isUnfinished(userId))) await this.#close(userId, erase);
    return this.#closing.finish(userId);
  }

  async #close(userId: UserId, erase: boolean): Promise<void> {
    const unit = new UnitOfWork();
    usersStore.deactivate(unit, userId);
    this.#closing.begin(unit, userId);
    if (erase) this.#threepids.markErased(unit, userId);
    for (const listener of this.#onClosing) listener(unit, userId);
    this.#sessions.endAll(unit, userId, undefined);
    await this.#devicesChanged(unit, userId, { endedAllBut: undefined });
    await commitOrRefuse(this.#database, unit, () => notFound(`There is no active user ${userId}`));
  }

  /** Whether an administrator suspended the account. */
  async isSuspended(userId: UserId): Promise<boolean> {
    return (await usersStore.byId(this.#database, userId))?.suspended === 1;
  }

  /** The user's devices, at most 1,000. */
  devices(userId: UserId): Promise<DeviceRow[]> {
    return devicesStore.ofUser(this.#database, userId);
  }

  /** One device. 404 for an unknown one. */
  async device(userId: UserId, deviceId: DeviceId): Promise<DeviceRow> {
    const device = await devicesStore.byId(this.#database, userId, deviceId);
    if (!device) throw notFound('You have no such device');
    return device;
  }

  /** Gives a device another name. 404 for an unknown one. */
  async renameDevice(userId: UserId, deviceId: DeviceId, name: string): Promise<void> {
    const unit = new UnitOfWork();
    devicesStore.rename(unit, userId, deviceId, name);
    await this.#devicesChanged(unit, userId, { renamed: deviceId, name });
    await commitOrRefuse(this.#database, unit, () => notFound('You have no such device'));
  }

  /** Ends devices; unknown ones are passed over. */
  async endDevices(userId: UserId, deviceIds: readonly DeviceId[]): Promise<void> {
    const unit = new UnitOfWork();
    for (const deviceId of deviceIds) this.#sessions.end(unit, userId, deviceId);
    await this.#devicesChanged(unit, userId, { ended: deviceIds });
    await this.#database.commit(unit);
  }

  /** Ends all of the user's devices. */
  async endAllDevices(userId: UserId): Promise<void> {
    const unit = new UnitOfWork();
    this.#sessions.endAll(unit, userId, undefined);
    await this.#devicesChanged(unit, userId, { endedAllBut: undefined });
    await this.#database.commit(unit);
  }

  /** How a user can prove who they are. Who signs in by another service only has no password. */
  async #stagesOf(userId: UserId): Promise<Stage[]> {
    const needs = {
      ...{ database: this.#database, passwords: this.#passwords },
      ownerOf: (threepid: Threepid) => this.#threepids.owner(threepid),
    };
    const password = passwordStage(needs, userId, () => this.#allowAttempt(userId));
    const user = await usersStore.byId(this.#database, userId);
    const hasPassword = typeof user?.password_hash === 'string';
    return [...(hasPassword ? [password] : []), ssoStage(password)];
  }

  /** A mail sets one password: whoever sees its session later cannot set another. */
  async #useUp(sid: string): Promise<void> {
    const unit = new UnitOfWork();
    this.#validation.consume(unit, sid);
    await commitOrRefuse(this.#database, unit, () => forbidden('This link or code was used already'));
  }

  async #devicesChanged(unit: Writer, userId: UserId, change: DeviceChange): Promise<void> {
    for (const listener of this.#onDevicesChanged) await listener(unit, userId, change);
  }
}

/** User-interactive authentication is for the legacy API only (Client-Server API, "OAuth 2.0 API"). */
function assertLegacy(session: Session): void {
  if (session.oauthClient === undefined) return;
  throw forbidden('Clients that signed in by OAuth 2.0 cannot do this: open the account management page');
}

import { createHash, timingSafeEqual } from 'node:crypto';
import {
  isExclusive,
  isInNamespace,
  type AppserviceRegistration,
} from '../../protocol/application-services/registration.ts';
import {
  deviceId,
  parseUserId,
  serverNameOf,
  userId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as devicesStore from '../../storage/accounts/devices-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';
import type { Assertion, Session } from '../../wire/session.ts';

const NOT_ITS_USER = 'The user is not in a namespace of the application service, or is the server itself';

/** An application service with the user that it acts as when it names none. */
export interface Appservice extends AppserviceRegistration {
  readonly sender: UserId;
}

interface Known {
  readonly service: Appservice;
  readonly tokenHash: Buffer;
}

/** The application services of this server, what is theirs, and who they act as. */
export class Appservices {
  readonly all: readonly Appservice[];
  readonly #known: readonly Known[];
  readonly #database: Database;
  readonly #noticesUser: UserId;
  readonly #clock: { now(): number };

  /** @throws Error for one whose own user is the server's. */
  constructor(needs: {
    registrations: readonly AppserviceRegistration[];
    database: Database;
    serverName: ServerName;
    /** Whom the server itself speaks as: no application service acts as this user. */
    noticesUser: UserId;
    clock: { now(): number };
  }) {
    this.#database = needs.database;
    this.#noticesUser = needs.noticesUser;
    this.#clock = needs.clock;
    this.all = needs.registrations.map((registration) => ({
      ...registration,
      sender: userId(`@${registration.senderLocalpart}:${needs.serverName}`),
    }));
    this.#assertSenders();
    this.#known = this.all.map((service) => ({ service, tokenHash: hashOf(service.asToken) }));
  }

  /** The application service of a token. Takes the same time for every token. */
  byToken(token: string): Appservice | undefined {
    if (this.#known.length === 0) return undefined;
    const hash = hashOf(token);
    let found: Appservice | undefined;
    for (const { service, tokenHash } of this.#known) {
      if (timingSafeEqual(hash, tokenHash)) found = service;
    }
    return found;
  }

  byId(id: string): Appservice | undefined {
    return this.all.find((service) => service.id === id);
  }

  /**
   * The application service of a session, for what only application services may do.
   *
   * @throws MatrixError 401 M_MISSING_TOKEN where it is not the session of one.
   */
  asking(id: string | undefined): Appservice {
    const service = id === undefined ? undefined : this.byId(id);
    if (service) return service;
    throw new MatrixError(401, 'M_MISSING_TOKEN', 'This needs the token of an application service');
  }

  /** The application services that are told of what is about a user: those that listen, and have the user. */
  toldOf(user: UserId): Appservice[] {
    return this.all.filter((service) => service.url !== undefined && owns(service, user));
  }

  /** Makes the accounts that application services act as when they name none. */
  async makeSenders(): Promise<void> {
    for (const { sender } of this.all) {
      if (await usersStore.byId(this.#database, sender)) continue;
      const unit = new UnitOfWork();
      const account = { userId: sender, passwordHash: null, isGuest: false, isAdmin: false };
      usersStore.insert(unit, { ...account, createdAt: this.#clock.now() });
      await this.#database.commit(unit).catch((error: unknown) => {
        if (!(error instanceof GuardFailed)) throw error;
      });
    }
  }

  /**
   * The session of an application service that acts as one of its users (Application Service API, "Identity assertion").
   *
   * @throws MatrixError 403 M_FORBIDDEN for a user who is not in its namespaces or has no account, 400 M_UNKNOWN_DEVICE.
   */
  async session(service: Appservice, asserted: Assertion): Promise<Session> {
    const user = asserted.userId === undefined ? service.sender : parseUserId(asserted.userId);
    if (!user || !this.#isOpenTo(service, user)) {
      throw new MatrixError(403, 'M_FORBIDDEN', NOT_ITS_USER);
    }
    const row = await usersStore.byId(this.#database, user);
    if (row?.deactivated !== 0) {
      throw new MatrixError(403, 'M_FORBIDDEN', 'The application service has not registered this user');
    }
    const device = asserted.deviceId === undefined ? undefined : deviceId(asserted.deviceId);
    const known = device === undefined ? undefined : await devicesStore.byId(this.#database, user, device);
    if (device !== undefined && !known) {
      throw new MatrixError(400, 'M_UNKNOWN_DEVICE', 'The user has no such device');
    }
    return {
      userId: user,
      deviceId: device,
      deviceMadeAt: known?.made_at ?? 0,
      isGuest: false,
      isAdmin: row.is_admin !== 0,
      isLocked: row.locked !== 0,
      isSuspended: row.suspended !== 0,
      tokenId: `appservice ${service.id} ${user}`,
      appserviceId: service.id,
      // The one that it sends as itself never is (Application Service API, "Registration").
      isRateLimited: service.rateLimited && user !== service.sender,
      oauthClient: undefined,
    };
  }

  /** @throws MatrixError 400 M_EXCLUSIVE for a user name that is an application service's alone, and not `own`'s. */
  assertNotReserved(user: UserId, own?: Appservice): void {
    const reserved = this.all.some(
      (service) => service !== own && (service.sender === user || isExclusive(service, 'users', user)),
    );
    if (reserved) throw exclusive('This user name belongs to an application service');
  }

  /** @throws MatrixError 400 M_EXCLUSIVE for an alias that is an application service's alone, and not that of `ownId`. */
  assertAliasNotReserved(alias: string, ownId: string | undefined): void {
    const reserved = this.all.some(
      (service) => service.id !== ownId && isExclusive(service, 'aliases', alias),
    );
    if (reserved) throw exclusive('This alias belongs to an application service');
  }

  /**
   * @throws MatrixError 400 M_EXCLUSIVE for an alias that nobody but an application service may make, and that is not `ownId`;
   *   and for one that this application service may not make: all but those of its namespaces.
   */
  assertMayMakeAlias(alias: string, ownId: string | undefined): void {
    this.assertAliasNotReserved(alias, ownId);
    if (ownId !== undefined && !this.controlsAlias(alias, ownId))
      throw exclusive('The alias is not in a namespace of the application service');
  }

  /** Whether the alias is in a namespace of the application service, which may do with it what it likes. */
  controlsAlias(alias: string, ownId: string | undefined): boolean {
    const own = ownId === undefined ? undefined : this.byId(ownId);
    return own !== undefined && isInNamespace(own, 'aliases', alias);
  }

  /** @throws MatrixError 400 M_EXCLUSIVE for a user whom the application service may not make or log in. */
  assertOwns(service: Appservice, user: UserId): void {
    if (this.#isOpenTo(service, user)) return;
    throw exclusive(NOT_ITS_USER);
  }

  /** A namespace that covers the user whom the server speaks as does not open it to anybody. */
  #isOpenTo(service: Appservice, user: UserId): boolean {
    return user !== this.#noticesUser && owns(service, user);
  }

  #assertSenders(): void {
    for (const { id, sender, senderLocalpart } of this.all) {
      if (sender !== this.#noticesUser) continue;
      throw new Error(
        `The application service ${id} has the sender_localpart ${senderLocalpart}, which is the user who sends ` +
          `server notices: give it another, or change server_notices.localpart`,
      );
    }
  }
}

/** Whether the user is of this server and the application service's own, or in one of its namespaces. */
export function owns(service: Appservice, user: string): boolean {
  if (service.sender === user) return true;
  const isHere = serverNameOf(user as UserId) === serverNameOf(service.sender);
  return isHere && isInNamespace(service, 'users', user);
}

function exclusive(message: string): MatrixError {
  return new MatrixError(400, 'M_EXCLUSIVE', message);
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

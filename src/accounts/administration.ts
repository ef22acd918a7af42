import { serverNameOf, type ServerName, type UserId } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import { forbidden, invalidParam, notFound } from '../protocol/matrix-error.ts';
import type { Database } from '../storage/database.ts';
import { commitOrRefuse } from '../storage/guarded-commit.ts';
import * as devicesStore from '../storage/accounts/devices-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import * as usersStore from '../storage/accounts/users-store.ts';
import type { Session } from '../wire/session.ts';
import type { Sessions } from './sessions.ts';

/** What administrators do with accounts (Client-Server API, "Server Administration", "Account moderation"). */
export class Administration {
  readonly #database: Database;
  readonly #sessions: Sessions;
  readonly #serverName: ServerName;

  constructor(database: Database, sessions: Sessions, serverName: ServerName) {
    this.#database = database;
    this.#sessions = sessions;
    this.#serverName = serverName;
  }

  /** Where a user's devices were seen last, for the user and administrators. 403 for others, 404 for unknown users. */
  async whois(asker: Session, userId: UserId): Promise<JsonObject> {
    if (asker.userId !== userId) assertAdmin(asker);
    await this.#user(userId);
    await this.#sessions.flush();
    const devices: JsonObject = {};
    for (const device of await devicesStore.ofUser(this.#database, userId)) {
      if (device.last_seen_at === null) continue;
      const connection: JsonObject = {
        ip: device.last_seen_ip,
        last_seen: device.last_seen_at,
        user_agent: device.user_agent,
      };
      devices[device.device_id] = { sessions: [{ connections: [connection] }] };
    }
    return { user_id: userId, devices };
  }

  /** Whether an account is locked. For administrators. */
  async isLocked(asker: Session, userId: UserId): Promise<boolean> {
    return (await this.#moderated(asker, userId)).locked !== 0;
  }

  /** Whether an account is suspended. For administrators. */
  async isSuspended(asker: Session, userId: UserId): Promise<boolean> {
    return (await this.#moderated(asker, userId)).suspended !== 0;
  }

  /** Locks or unlocks an account; its sessions stay. 403 for oneself, other administrators, and who is none. */
  async setLocked(asker: Session, userId: UserId, locked: boolean): Promise<void> {
    await this.#moderate(asker, userId, (unit) => usersStore.setLocked(unit, userId, locked));
  }

  /** Suspends an account or lifts that. 403 for oneself, other administrators, and who is none. */
  async setSuspended(asker: Session, userId: UserId, suspended: boolean): Promise<void> {
    await this.#moderate(asker, userId, (unit) => usersStore.setSuspended(unit, userId, suspended));
  }

  async #moderate(asker: Session, userId: UserId, change: (unit: UnitOfWork) => void): Promise<void> {
    await this.#moderated(asker, userId);
    const unit = new UnitOfWork();
    change(unit);
    this.#sessions.announce(unit, userId);
    await commitOrRefuse(this.#database, unit, () => notFound(`There is no active user ${userId}`));
  }

  /** A user whom administrators may moderate. */
  async #moderated(asker: Session, userId: UserId): Promise<usersStore.UserRow> {
    assertAdmin(asker);
    const user = await this.#user(userId);
    if (user.is_admin === 0) return user;
    throw forbidden('Accounts of administrators, your own among them, can be neither locked nor suspended');
  }

  async #user(userId: UserId): Promise<usersStore.UserRow> {
    if (serverNameOf(userId) !== this.#serverName) {
      throw invalidParam(`${userId} is not a user of this server`);
    }
    const user = await usersStore.byId(this.#database, userId);
    if (user?.deactivated !== 0) throw notFound(`There is no active user ${userId}`);
    return user;
  }
}

/** @throws MatrixError 403 M_FORBIDDEN unless an administrator asks. */
export function assertAdmin(asker: Session): void {
  if (!asker.isAdmin) throw forbidden('Only administrators of this server may do this');
}

import { localpartOf, type UserId } from '../../protocol/identifiers.ts';
import { forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as ssoStore from '../../storage/accounts/sso-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';
import { assertMayOpen } from '../may-open.ts';
import type { NewAccounts } from '../registration/new-accounts.ts';
import type { Identity } from './identity-provider.ts';
import { localpartFrom } from './localpart.ts';
import type { ProviderSettings } from './provider-metadata.ts';

/** Names that are tried for a new user, each with a number more. */
const MOST_NAMES = 20;

/** Who people of identity providers are here. */
export class SsoUsers {
  readonly #database: Database;
  readonly #accounts: NewAccounts;

  constructor(database: Database, accounts: NewAccounts) {
    this.#database = database;
    this.#accounts = accounts;
  }

  /**
   * The user that somebody is; a new one if they come for the first time.
   *
   * @throws MatrixError 403 where no new users are taken, or the account is closed; 401 M_USER_LOCKED; 400 M_EXCLUSIVE for the
   *   server's own name.
   */
  async of(provider: ProviderSettings, identity: Identity): Promise<UserId> {
    const known = await ssoStore.user(this.#database, provider.id, identity.subject);
    if (known) return this.#active(known);
    const named = await this.#named(provider, identity);
    if (named) return this.#link(provider, identity, named);
    if (!provider.allow_new_users) {
      throw forbidden(`${provider.name} does not bring new users to this server`);
    }
    return this.#create(provider, identity);
  }

  /**
   * The user that somebody is already, to whom nothing new comes by it.
   *
   * @throws MatrixError 403 for nobody, or whose account is closed; 401 M_USER_LOCKED; 400 M_EXCLUSIVE for the server's
   *   own name.
   */
  async known(provider: ProviderSettings, identity: Identity): Promise<UserId> {
    const linked = await ssoStore.user(this.#database, provider.id, identity.subject);
    const userId = linked ?? (await this.#named(provider, identity));
    if (userId === undefined) throw forbidden(`Nobody here signs in as whom ${provider.name} says you are`);
    this.#accounts.assertNotServers(userId);
    return this.#active(userId);
  }

  /** Whether a user can sign in by an identity provider. */
  async isLinked(userId: UserId): Promise<boolean> {
    return (await ssoStore.providers(this.#database, userId)).length > 0;
  }

  /** The user of the same name, where the provider's people are those. */
  async #named(provider: ProviderSettings, { name }: Identity): Promise<UserId | undefined> {
    if (!provider.link_by_name) return undefined;
    const named = this.#accounts.userIdOf(localpartFrom(name));
    return (await usersStore.byId(this.#database, named)) ? named : undefined;
  }

  async #active(userId: UserId): Promise<UserId> {
    assertMayOpen(await usersStore.byId(this.#database, userId));
    return userId;
  }

  async #link(provider: ProviderSettings, { subject }: Identity, userId: UserId): Promise<UserId> {
    this.#accounts.assertNotServers(userId);
    await this.#active(userId);
    const unit = new UnitOfWork();
    ssoStore.link(unit, { provider: provider.id, subject, userId });
    try {
      await this.#database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
    }
    return this.#known(provider, subject);
  }

  async #create(provider: ProviderSettings, { subject, name, displayName }: Identity): Promise<UserId> {
    const base = localpartFrom(name);
    for (let n = 1; n <= MOST_NAMES; n++) {
      const userId = this.#accounts.userIdOf(n === 1 ? base : `${base}-${n}`);
      try {
        await this.#accounts.createLinked(userId, displayName ?? localpartOf(userId), (unit) =>
          ssoStore.link(unit, { provider: provider.id, subject, userId }),
        );
        return userId;
      } catch (error) {
        if (!(error instanceof GuardFailed)) throw error;
      }
      const known = await ssoStore.user(this.#database, provider.id, subject);
      if (known) return this.#active(known);
    }
    throw new MatrixError(400, 'M_USER_IN_USE', `${base} and many names like it are taken`);
  }

  async #known(provider: ProviderSettings, subject: string): Promise<UserId> {
    const userId = await ssoStore.user(this.#database, provider.id, subject);
    if (userId) return this.#active(userId);
    throw new Error('An identity was linked and is not there');
  }
}

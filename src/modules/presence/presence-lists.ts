import { userOf, type EduExchange } from '../../federation/edu-exchange.ts';
import { parseUserId, serverNameOf, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { badJson, invalidParam, notFound } from '../../protocol/matrix-error.ts';
import type { Database, Writer } from '../../storage/database.ts';
import * as presenceListsStore from '../../storage/accounts/presence-lists-store.ts';
import { MOST_LISTED } from '../../storage/accounts/presence-lists-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';
import type { Presence } from './presence.ts';

/** Changes of a list. */
export interface PresenceListChanges {
  /** Whom one asks to be allowed to follow; two who ask it of each other both accept. */
  readonly invite: readonly UserId[];
  /** Whom one follows no longer. */
  readonly drop: readonly UserId[];
  /** Who may follow one, of those who asked. */
  readonly accept: readonly UserId[];
  /** Who may not, or no longer. */
  readonly deny: readonly UserId[];
}

interface Needs {
  readonly database: Database;
  readonly presence: Presence;
  readonly exchange: EduExchange;
}

/**
 * Whose presence users follow though they share no room with them (presence.rst of October 2015): one invites, the other
 * accepts, and the servers of both keep that. The text names no way to accept but that it is needed; here one accepts by
 * saying so, or by inviting in turn.
 */
export class PresenceLists {
  readonly #database: Database;
  readonly #presence: Presence;
  readonly #exchange: EduExchange;

  constructor({ database, presence, exchange }: Needs) {
    this.#database = database;
    this.#presence = presence;
    this.#exchange = exchange;
    exchange.on('m.presence_invite', (origin, content) => this.#takeInvite(origin, content));
    exchange.on('m.presence_accept', (origin, content) => this.#takeAccept(origin, content));
    exchange.on('m.presence_deny', (origin, content) => this.#takeDeny(origin, content));
  }

  /**
   * Changes the user's list, and who has the user in theirs.
   *
   * @throws MatrixError 404 for an unknown user of this server, 400 M_INVALID_PARAM for oneself or for too many.
   */
  async change(userId: UserId, { invite, drop, accept, deny }: PresenceListChanges): Promise<void> {
    for (const observed of invite) await this.#invite(userId, observed);
    for (const observed of drop) await this.#drop(userId, observed);
    for (const observer of accept) await this.#accept(observer, userId);
    for (const observer of deny) await this.#deny(observer, userId);
  }

  /** The presence of everybody in the user's list who accepted that, and who asks to follow the user. */
  async list(userId: UserId): Promise<{ presence: JsonObject[]; invites: UserId[] }> {
    const presence: JsonObject[] = [];
    for (const { observed, accepted } of await presenceListsStore.list(this.#database, userId)) {
      if (accepted === 1) presence.push(await this.#presence.eventOf(observed));
    }
    const asking = await presenceListsStore.observers(this.#database, userId);
    return { presence, invites: asking.filter((row) => row.accepted === 0).map((row) => row.observer) };
  }

  /** Forgets a user whose account is closed, as part of a unit of work. */
  forget(unit: Writer, userId: UserId): void {
    presenceListsStore.forget(unit, userId);
  }

  async #invite(observer: UserId, observed: UserId): Promise<void> {
    if (observer === observed) throw invalidParam('You see your own presence without a list');
    const known = await presenceListsStore.get(this.#database, observer, observed);
    if (known?.accepted !== 1) {
      await this.#assertMayList(observer, observed);
      const unit = new UnitOfWork();
      presenceListsStore.invite(unit, observer, observed);
      this.#tell(unit, observed, 'm.presence_invite', { observer, observed });
      await this.#database.commit(unit);
    }
    const isMutual = (await presenceListsStore.get(this.#database, observed, observer)) !== undefined;
    await this.#accept(observed, observer);
    if (isMutual) await this.#accept(observer, observed);
  }

  async #assertMayList(observer: UserId, observed: UserId): Promise<void> {
    if (this.#exchange.isOwn(observed) && !(await usersStore.byId(this.#database, observed))) {
      throw notFound(`There is no user ${observed}`);
    }
    const [listed, lists] = [
      await presenceListsStore.list(this.#database, observer),
      await presenceListsStore.observers(this.#database, observed),
    ];
    if (listed.length < MOST_LISTED && lists.length < MOST_LISTED) return;
    throw invalidParam(`A presence list has at most ${MOST_LISTED} users, and one is in at most so many`);
  }

  async #drop(observer: UserId, observed: UserId): Promise<void> {
    if (!(await presenceListsStore.get(this.#database, observer, observed))) return;
    const unit = new UnitOfWork();
    presenceListsStore.remove(unit, observer, observed);
    const others = await presenceListsStore.observers(this.#database, observed);
    const isLast = others.every((row) => row.observer === observer);
    if (isLast && !this.#exchange.isOwn(observed)) {
      this.#exchange.store(unit, [serverNameOf(observed)], 'm.presence', { unpoll: [observed] });
    }
    await this.#database.commit(unit);
  }

  /** Nothing happens where nobody asked. */
  async #accept(observer: UserId, observed: UserId): Promise<void> {
    if (!this.#exchange.isOwn(observed)) return;
    const asked = await presenceListsStore.get(this.#database, observer, observed);
    if (asked?.accepted !== 0) return;
    const unit = new UnitOfWork();
    presenceListsStore.accept(unit, observer, observed);
    this.#tell(unit, observer, 'm.presence_accept', { observer, observed });
    await this.#database.commit(unit);
    await this.#presence.retell(observed);
  }

  async #deny(observer: UserId, observed: UserId): Promise<void> {
    if (!(await presenceListsStore.get(this.#database, observer, observed))) return;
    const unit = new UnitOfWork();
    presenceListsStore.remove(unit, observer, observed);
    this.#tell(unit, observer, 'm.presence_deny', { observer, observed });
    await this.#database.commit(unit);
  }

  async #takeInvite(origin: ServerName, content: JsonObject): Promise<void> {
    const observer = userOf(origin, content.observer_user);
    const observed = this.#ownUser(content.observed_user);
    const unit = new UnitOfWork();
    const asked = await presenceListsStore.get(this.#database, observer, observed);
    const lists = await presenceListsStore.observers(this.#database, observed);
    const isKnown = (await usersStore.byId(this.#database, observed)) !== undefined;
    const answer = { observed_user: observed, observer_user: observer };
    if (asked?.accepted === 1) await this.#exchange.storeAnswer(unit, origin, 'm.presence_accept', answer);
    else if (isKnown && lists.length < MOST_LISTED) presenceListsStore.invite(unit, observer, observed);
    else await this.#exchange.storeAnswer(unit, origin, 'm.presence_deny', answer);
    await this.#database.commit(unit);
    if (await presenceListsStore.get(this.#database, observed, observer)) {
      await this.#accept(observer, observed);
    }
  }

  async #takeAccept(origin: ServerName, content: JsonObject): Promise<void> {
    const observed = userOf(origin, content.observed_user);
    const observer = this.#ownUser(content.observer_user);
    if (!(await presenceListsStore.get(this.#database, observer, observed))) return;
    const unit = new UnitOfWork();
    presenceListsStore.accept(unit, observer, observed);
    await this.#exchange.storeAnswer(unit, origin, 'm.presence', { poll: [observed] });
    await this.#database.commit(unit);
  }

  async #takeDeny(origin: ServerName, content: JsonObject): Promise<void> {
    const observed = userOf(origin, content.observed_user);
    const observer = this.#ownUser(content.observer_user);
    const unit = new UnitOfWork();
    presenceListsStore.remove(unit, observer, observed);
    await this.#database.commit(unit);
  }

  /** Tells the server of a user, where that is another. */
  #tell(unit: UnitOfWork, to: UserId, type: string, who: { observer: UserId; observed: UserId }): void {
    if (this.#exchange.isOwn(to)) return;
    const content = { observed_user: who.observed, observer_user: who.observer };
    this.#exchange.store(unit, [serverNameOf(to)], type, content);
  }

  #ownUser(value: JsonValue | undefined): UserId {
    const userId = typeof value === 'string' ? parseUserId(value) : undefined;
    if (userId === undefined || !this.#exchange.isOwn(userId))
      throw badJson('This is no user of this server');
    return userId;
  }
}

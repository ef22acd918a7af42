import { FederationError } from '../../federation/federation-error.ts';
import { pause, type Timer, type Timers } from '../../platform/timers.ts';
import { serverNameOf, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import type { Database } from '../../storage/database.ts';
import * as remoteStore from '../../storage/encryption/remote-device-lists-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** How often lists that are behind are asked for again, in milliseconds, and how many at a time. */
const RETRY_MS = 60_000;
const RETRIED = 50;
/** Lists of one server that are fetched at once because updates were missed, and servers that are asked again at once. */
const MOST_RESYNCS = 20;
const MOST_SERVERS = 50;
/** How long updates that come after a list was fetched wait for company before it is fetched again, in milliseconds. */
const GATHERING_MS = 1_000;

/** What fetches lists and knows which matter. */
interface Lists {
  updatedAt(userId: UserId): Promise<number>;
  fetch(userId: UserId, updatedAt: number, timeoutMs: number): Promise<void>;
  isFollowed(userId: UserId): Promise<boolean>;
}

/** Has lists of devices of people on other servers fetched that are stale: at once, or after a while where that fails. */
export class StaleDeviceLists {
  readonly #database: Database;
  readonly #timers: Timers;
  readonly #onProblem: (error: unknown) => void;
  readonly #lists: Lists;
  /** Users whose lists are being fetched because an update was missed, by server. */
  readonly #resyncs = new Map<ServerName, Set<UserId>>();
  /** Servers that are asked again for lists that are stale. */
  readonly #askedAgain = new Set<ServerName>();
  #retry: Timer | undefined;
  #isStopped = false;

  constructor(
    needs: { database: Database; timers: Timers; onProblem: (error: unknown) => void },
    lists: Lists,
  ) {
    this.#database = needs.database;
    this.#timers = needs.timers;
    this.#onProblem = needs.onProblem;
    this.#lists = lists;
  }

  /** Begins to fetch what is stale from before. */
  start(): void {
    this.#retryLater();
  }

  stop(): void {
    this.#isStopped = true;
    this.#retry?.cancel();
  }

  /**
   * Fetches a list that is stale, and again as long as updates come that are not in it. Where many are fetched already,
   * it is left to be asked for again with others.
   */
  fetchSoon(userId: UserId): void {
    const server = serverNameOf(userId);
    const underWay = this.#resyncs.get(server) ?? new Set<UserId>();
    if (underWay.has(userId) || underWay.size >= MOST_RESYNCS) return;
    this.#resyncs.set(server, underWay.add(userId));
    this.#fetchUntilCurrent(userId)
      .catch((error: unknown) => {
        if (!(error instanceof FederationError) && !this.#isStopped) this.#onProblem(error);
      })
      .finally(() => {
        underWay.delete(userId);
        if (underWay.size === 0) this.#resyncs.delete(server);
      });
  }

  async #fetchUntilCurrent(userId: UserId): Promise<void> {
    for (let isStale = true; isStale && !this.#isStopped;) {
      await this.#fetch(userId);
      await pause(this.#timers, GATHERING_MS);
      if (!this.#isStopped) isStale = (await remoteStore.of(this.#database, userId))?.stale === 1;
    }
  }

  async #fetch(userId: UserId): Promise<void> {
    await this.#lists.fetch(userId, await this.#lists.updatedAt(userId), RETRY_MS);
  }

  #retryLater(): void {
    if (this.#isStopped) return;
    this.#retry = this.#timers.after(RETRY_MS, () => {
      this.#fetchStale()
        .catch(this.#onProblem)
        .finally(() => this.#retryLater());
    });
  }

  /** Asks a server for stale lists, beside other servers: one that is slow holds up none of them. */
  #askAgain(server: ServerName, users: readonly UserId[]): void {
    if (this.#askedAgain.has(server) || this.#askedAgain.size >= MOST_SERVERS) return;
    this.#askedAgain.add(server);
    this.#fetchAll(users)
      .catch((error: unknown) => {
        if (!this.#isStopped) this.#onProblem(error);
      })
      .finally(() => this.#askedAgain.delete(server));
  }

  async #fetchAll(users: readonly UserId[]): Promise<void> {
    for (const userId of users) {
      if (this.#isStopped) return;
      if (await this.#lists.isFollowed(userId)) await this.#fetch(userId).catch(dropFederationError);
      else await this.#forget(userId);
    }
  }

  async #fetchStale(): Promise<void> {
    for (let after = ''; ;) {
      const users = await remoteStore.stale(this.#database, after, RETRIED);
      if (this.#isStopped) return;
      for (const [server, ofServer] of Map.groupBy(users, (userId) => serverNameOf(userId)))
        this.#askAgain(server, ofServer);
      const last = users.at(-1);
      if (last === undefined || users.length < RETRIED) return;
      after = last;
    }
  }

  async #forget(userId: UserId): Promise<void> {
    const unit = new UnitOfWork();
    remoteStore.forget(unit, userId);
    await this.#database.commit(unit);
  }
}

function dropFederationError(error: unknown): void {
  if (!(error instanceof FederationError)) throw error;
}

import type { ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { Database } from '../../storage/database.ts';
import * as serverKeysStore from '../../storage/server-keys-store.ts';
import type { KeyFetcher } from './key-fetcher.ts';
import type { OwnKeys } from './own-keys.ts';

/** Answers what other servers said of their keys, with this server's signature (Server-Server API, "Querying Keys Through Another Server"). */
export class Notary {
  readonly #database: Database;
  readonly #fetcher: KeyFetcher;
  readonly #own: { readonly server: ServerName; readonly keys: OwnKeys };
  readonly #clock: { now(): number };

  constructor(needs: {
    database: Database;
    fetcher: KeyFetcher;
    own: { server: ServerName; keys: OwnKeys };
    clock: { now(): number };
  }) {
    this.#database = needs.database;
    this.#fetcher = needs.fetcher;
    this.#own = needs.own;
    this.#clock = needs.clock;
  }

  /**
   * The server's keys as it last told them, asked for again when half of their time is over or they do not last until
   * the given time (milliseconds). Undefined when they are not known and cannot be had.
   */
  async keysOf(server: ServerName, minimumValidUntil: number | undefined): Promise<JsonObject | undefined> {
    if (server === this.#own.server) return this.#own.keys.answer();
    const now = this.#clock.now();
    const kept = await serverKeysStore.answer(this.#database, server);
    const halfTime = kept === undefined ? 0 : kept.fetched_at + (kept.valid_until - kept.fetched_at) / 2;
    const isGood = kept && now < halfTime && kept.valid_until >= (minimumValidUntil ?? now);
    const text = isGood ? kept.answer : ((await this.#fetcher.fetch(server))?.text ?? kept?.answer);
    if (text === undefined) return undefined;
    const answer: unknown = JSON.parse(text);
    return isJsonObject(answer) ? this.#own.keys.countersign(answer) : undefined;
  }
}

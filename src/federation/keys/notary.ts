import type { ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { Database } from '../../storage/database.ts';
import * as serverKeysStore from '../../storage/federation/server-keys-store.ts';
import type { KeyFetcher, WantedKeys } from './key-fetcher.ts';
import type { OwnKeys } from './own-keys.ts';

/**
 * Answers what other servers said of their keys, with this server's signature (Server-Server API, "Querying Keys
 * Through Another Server").
 */
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
   * The server's keys as it last told them, asked for again when half of their time is over, they do not last until the
   * time that is wanted, or one that is wanted is not among them. Undefined when they are not known and cannot be had.
   *
   * @param wanted.validUntil now by default.
   */
  async keysOf(server: ServerName, wanted: WantedKeys): Promise<JsonObject | undefined> {
    if (server === this.#own.server) return this.#own.keys.answer();
    const kept = await serverKeysStore.answer(this.#database, server);
    const before = kept && objectOf(kept.answer);
    if (
      kept &&
      before &&
      this.#isGood(kept, wanted.validUntil) &&
      hasAll(before, [...(wanted.keyIds ?? [])])
    ) {
      return this.#own.keys.countersign(before);
    }
    const found = await this.#fetcher.fetch(server, wanted);
    const answer = found ? objectOf(found.text) : before;
    return answer && this.#own.keys.countersign(answer);
  }

  #isGood(kept: serverKeysStore.ServerKeyAnswerRow, validUntil: number | undefined): boolean {
    const now = this.#clock.now();
    const halfTime = kept.fetched_at + (kept.valid_until - kept.fetched_at) / 2;
    return now < halfTime && kept.valid_until >= (validUntil ?? now);
  }
}

function objectOf(text: string): JsonObject | undefined {
  const value: unknown = JSON.parse(text);
  return isJsonObject(value) ? value : undefined;
}

function hasAll(answer: JsonObject, keyIds: readonly string[]): boolean {
  const { verify_keys: current, old_verify_keys: old } = answer;
  return keyIds.every((id) => [current, old].some((keys) => isJsonObject(keys) && Object.hasOwn(keys, id)));
}

import { createHash } from 'node:crypto';
import { boundedCache } from '../../platform/bounded-cache.ts';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import {
  DEFAULT_CLIENT_FILTER,
  parseClientFilter,
  type ClientFilter,
} from '../../protocol/filter/client-filter.ts';
import type { IdLists } from '../../protocol/filter/event-filter.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { badJson, notFound } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import * as filtersStore from '../../storage/accounts/filters-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

const CACHED = 2_000;

/** Filters that clients keep on the server (Client-Server API, "Filtering"). */
export class Filters {
  readonly #database: Database;
  readonly #parsed = boundedCache<string, ClientFilter>(CACHED);

  constructor(database: Database) {
    this.#database = database;
  }

  /** Keeps a filter; the same filter has the same ID. 400 M_BAD_JSON for what is not a filter. */
  async add(userId: UserId, filter: JsonObject, ids: IdLists = 'exact'): Promise<string> {
    parseClientFilter(filter, ids);
    const text = canonicalJson(filter, { strict: false });
    const id = createHash('sha256').update(text).digest('base64url').slice(0, 16);
    const unit = new UnitOfWork();
    filtersStore.insert(unit, userId, id, text);
    await this.#database.commit(unit);
    return id;
  }

  /** The filter as it was kept. 404 for an unknown one. */
  async get(userId: UserId, filterId: string): Promise<string> {
    const text = await filtersStore.get(this.#database, userId, filterId);
    if (text === undefined) throw notFound('You have no filter with this ID');
    return text;
  }

  /** The filter of a query string: JSON, or the ID of one that was kept. */
  async resolveFilter(
    userId: UserId,
    filter: string | undefined,
    ids: IdLists = 'exact',
  ): Promise<ClientFilter> {
    if (filter === undefined || filter === '') return DEFAULT_CLIENT_FILTER;
    const isJson = filter.startsWith('{');
    const key = `${ids} ${isJson ? filter : `${userId}\0${filter}`}`;
    const known = this.#parsed.get(key);
    if (known) return known;
    const parsed = parseClientFilter(parse(isJson ? filter : await this.get(userId, filter)), ids);
    this.#parsed.set(key, parsed);
    return parsed;
  }
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw badJson('"filter" must be JSON or the ID of a filter');
  }
}

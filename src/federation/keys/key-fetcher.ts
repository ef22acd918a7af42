import { boundedCache } from '../../platform/bounded-cache.ts';
import { leftOfWait } from '../../platform/clock.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { VerifyKey, verifyJson } from '../../protocol/signing.ts';
import type { Database } from '../../storage/database.ts';
import * as serverKeysStore from '../../storage/federation/server-keys-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { FederationClient } from '../federation-client.ts';
import { FederationError } from '../federation-error.ts';
import { parseKeyAnswer, type KeyAnswer } from './key-answer.ts';

const REQUEST = { signed: false, timeoutMs: 10_000, maxBytes: 262_144 } as const;
/**
 * A server is not asked for its keys again within this time, in milliseconds, nor are notaries for the same keys of it. One that
 * answered may have other keys soon, or be asked for an answer that lasts longer: it is left in peace for a moment only.
 */
const PAUSE_MS = 10_000;
const PAUSE_AFTER_ANSWER_MS = 1_000;
const MOST_SERVERS = 20_000;
/** Answers of one server, of different times, that are taken from a notary. */
const MOST_ANSWERS = 50;

/** Which keys of a server are asked for. */
export interface WantedKeys {
  /** None where any will do. */
  readonly keyIds?: Iterable<string>;
  /** Milliseconds since the epoch; undefined where that does not matter. */
  readonly validUntil?: number | undefined;
}

/** A server that is being asked, and the keys that are wanted of it meanwhile; none where any will do. */
interface Asking {
  readonly answer: Promise<KeyAnswer | undefined>;
  readonly wanted: CollectedKeys;
}

/** Keys that are wanted together, until the notaries are told of them. */
interface CollectedKeys extends WantedKeys {
  readonly keyIds: Set<string>;
  areTold: boolean;
}

/** Until when a server is left in peace. */
interface Pause {
  readonly until: number;
  /** The keys that notaries were asked for, which tell of no others; undefined where all were asked for. */
  readonly keyIds: Set<string> | undefined;
}

/** Asks servers for their keys, or notaries where they do not answer, and keeps what is said. */
export class KeyFetcher {
  readonly #client: FederationClient;
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #notaries: readonly ServerName[];
  readonly #asking = new Map<ServerName, Asking>();
  readonly #pauses = boundedCache<ServerName, Pause>(MOST_SERVERS);

  constructor(needs: {
    client: FederationClient;
    database: Database;
    clock: { now(): number };
    notaries: readonly ServerName[];
  }) {
    this.#client = needs.client;
    this.#database = needs.database;
    this.#clock = needs.clock;
    this.#notaries = needs.notaries.filter((notary) => notary !== needs.client.serverName);
  }

  /**
   * What the server, or a notary, says of its keys now; undefined when nobody says anything, or was asked just before.
   *
   * @param wanted what a notary is told of what is asked for, which may know keys of before.
   */
  async fetch(server: ServerName, wanted: WantedKeys = {}): Promise<KeyAnswer | undefined> {
    const asking = this.#asking.get(server);
    if (asking) {
      const isTooLate = asking.wanted.areTold;
      // A notary, which is asked after the server itself, tells of no more keys than it is asked for.
      if (!isTooLate)
        for (const id of wanted.keyIds ?? []) if (mayWant(asking.wanted)) asking.wanted.keyIds.add(id);
      const answer = await asking.answer;
      return isTooLate ? ((await this.fetch(server, wanted)) ?? answer) : answer;
    }
    const pause = this.#pauses.get(server);
    if (!pause || leftOfWait(this.#clock, pause.until, PAUSE_MS) === 0)
      return this.#begin(server, wanted, undefined);
    const others = keysBeside(pause, wanted);
    return others.length > 0 ? this.#begin(server, { ...wanted, keyIds: others }, pause) : undefined;
  }

  /** @param pause in which notaries only are asked, for keys that they were not asked for. */
  #begin(server: ServerName, { keyIds, validUntil }: WantedKeys, pause: Pause | undefined): Asking['answer'] {
    const wanted = { keyIds: new Set(keyIds), validUntil, areTold: false };
    const answer = this.#fetch(server, wanted, pause).finally(() => this.#asking.delete(server));
    this.#asking.set(server, { answer, wanted });
    return answer;
  }

  async #fetch(
    server: ServerName,
    wanted: CollectedKeys,
    pause: Pause | undefined,
  ): Promise<KeyAnswer | undefined> {
    const until = pause?.until ?? this.#clock.now() + PAUSE_MS;
    this.#pauses.set(server, { until, keyIds: undefined });
    const direct = pause ? undefined : await this.#direct(server);
    if (direct) {
      this.#pauses.set(server, { until: this.#clock.now() + PAUSE_AFTER_ANSWER_MS, keyIds: undefined });
      return { ...direct, keys: await this.#keep(server, direct, []) };
    }
    const [newest, ...others] = await this.#byNotaries(server, wanted);
    const told = wanted.keyIds.size > 0 ? [...(pause?.keyIds ?? []), ...wanted.keyIds] : undefined;
    this.#pauses.set(server, { until, keyIds: told && new Set(told) });
    if (!newest) return undefined;
    const kept = await serverKeysStore.answer(this.#database, server);
    if (kept === undefined || kept.valid_until <= newest.validUntil) {
      return { ...newest, keys: await this.#keep(server, newest, others) };
    }
    // What a notary knows may be from before what was told here: it adds keys that are not known, and changes none.
    const keys = await this.#keep(server, undefined, [newest, ...others]);
    return { keys, text: kept.answer, validUntil: kept.valid_until };
  }

  /** Keeps all that the newest answer says, and of others keys that are not known otherwise. Gives what was kept. */
  async #keep(
    server: ServerName,
    newest: KeyAnswer | undefined,
    others: readonly KeyAnswer[],
  ): Promise<readonly serverKeysStore.ServerKeyRow[]> {
    const rows = new Map((newest?.keys ?? []).map((row) => [row.key_id, row]));
    for (const row of others.flatMap((answer) => answer.keys)) {
      const isKnown =
        rows.has(row.key_id) || (await serverKeysStore.key(this.#database, server, row.key_id)) !== undefined;
      if (!isKnown) rows.set(row.key_id, row);
    }
    const keys = [...rows.values()];
    const unit = new UnitOfWork();
    serverKeysStore.putKeys(unit, server, keys);
    if (newest) {
      const { text: answer, validUntil } = newest;
      const row = { answer, fetched_at: this.#clock.now(), valid_until: validUntil };
      serverKeysStore.putAnswer(unit, server, row);
    }
    await this.#database.commit(unit);
    return keys;
  }

  /** A server that signs a request to us is there: it is asked even if it did not answer lately. */
  async #direct(server: ServerName): Promise<KeyAnswer | undefined> {
    try {
      const request = {
        ...REQUEST,
        method: 'GET',
        path: '/_matrix/key/v2/server',
        slashIn2015: true,
        evenWhenFailing: true,
      } as const;
      const body = await this.#client.request(server, request);
      return parseKeyAnswer(body, server, this.#clock.now());
    } catch (error) {
      if (error instanceof FederationError) return undefined;
      throw error;
    }
  }

  /** What the first notary says that knows anything: the newest answer first. */
  async #byNotaries(server: ServerName, wanted: CollectedKeys): Promise<KeyAnswer[]> {
    for (const notary of this.#notaries) {
      if (notary === server) continue;
      const found = await this.#byNotary(notary, server, wanted);
      if (found.length > 0) return found;
    }
    return [];
  }

  async #byNotary(notary: ServerName, server: ServerName, wanted: CollectedKeys): Promise<KeyAnswer[]> {
    const trusted = await this.#keysOf(notary);
    wanted.areTold = true;
    try {
      const answer = await this.#client.request(notary, {
        ...REQUEST,
        method: 'POST',
        path: '/_matrix/key/v2/query',
        body: { server_keys: { [server]: criteriaOf(wanted) } },
      });
      const now = this.#clock.now();
      const told = Array.isArray(answer.server_keys) ? answer.server_keys.slice(0, MOST_ANSWERS) : [];
      const found = told.flatMap((one) => {
        if (!isJsonObject(one) || !trusted.some(([id, key]) => verifyJson(one, notary, id, key))) return [];
        return parseKeyAnswer(one, server, now) ?? [];
      });
      return found.sort((a, b) => b.validUntil - a.validUntil);
    } catch (error) {
      if (error instanceof FederationError) return [];
      throw error;
    }
  }

  /** A notary's own keys, by which its answers are believed. */
  async #keysOf(notary: ServerName): Promise<[string, VerifyKey][]> {
    const now = this.#clock.now();
    const kept = await serverKeysStore.answer(this.#database, notary);
    const known = kept && kept.valid_until > now ? parseKept(kept.answer, notary, now) : undefined;
    const answer = known ?? (await this.#direct(notary));
    return (answer?.keys ?? [])
      .filter((row) => row.valid_until >= now)
      .map((row) => [row.key_id, VerifyKey.of(row.public_key)]);
  }
}

/** Whether more keys may be asked for: where none are named, all are. */
function mayWant({ keyIds }: CollectedKeys): boolean {
  return keyIds.size > 0 && keyIds.size < MOST_ANSWERS;
}

/** Those of the keys that notaries were not asked for; none where they were asked for so many already. */
function keysBeside({ keyIds }: Pause, wanted: WantedKeys): string[] {
  if (keyIds === undefined || keyIds.size >= MOST_ANSWERS) return [];
  return [...(wanted.keyIds ?? [])].filter((keyId) => !keyIds.has(keyId));
}

/** Keys that are wanted, in the words of a query to a notary. */
function criteriaOf({ keyIds = [], validUntil }: WantedKeys): JsonObject {
  const criteria = Number.isSafeInteger(validUntil) ? { minimum_valid_until_ts: validUntil } : {};
  return Object.fromEntries([...keyIds].map((keyId) => [keyId, { ...criteria }]));
}

function parseKept(text: string, server: ServerName, now: number): KeyAnswer | undefined {
  const body: unknown = JSON.parse(text);
  return isJsonObject(body) ? parseKeyAnswer(body, server, now) : undefined;
}

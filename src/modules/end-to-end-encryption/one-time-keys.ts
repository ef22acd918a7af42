import { boundedCache } from '../../platform/bounded-cache.ts';
import { inParts } from '../../platform/list-parts.ts';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { badJson, invalidParam } from '../../protocol/matrix-error.ts';
import type { Database, Writer } from '../../storage/database.ts';
import { commitIfFirst } from '../../storage/guarded-commit.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import * as oneTimeKeysStore from '../../storage/encryption/one-time-keys-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { AccountSections, SyncPart, SyncRequest } from '../sync-part.ts';

/** A device with its user. */
export interface DeviceOfUser {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

/** Keys as uploads and claims have them: by `algorithm:key_id`. */
export type KeysById = Readonly<Record<string, string | JsonObject>>;

/** Keys in place of others. */
export interface ReplacingKeys {
  readonly oneTimeKeys: KeysById;
  readonly fallbackKeys: KeysById;
  /**
   * Whose they are: of the `same` device as those before, so that what was claimed stays claimed, or of a `new` one that
   * has its ID.
   */
  readonly owner: 'same' | 'new';
}

const CACHED = 20_000;
/** Unclaimed keys that a device may have of one algorithm. Clients keep about 50. */
const MOST_KEYS = 1_000;
/** Claims that one request has under way. */
const AT_ONCE = 64;
/** The algorithm whose count is always given: some clients take a missing count for one that did not change. */
const USUAL = 'signed_curve25519';

/** One-time and fallback keys of devices (Client-Server API, "One-time and fallback keys"). */
export class OneTimeKeys implements SyncPart {
  readonly #database: Database;
  /** Answers of `accompany`. */
  readonly #counts: ReadCache<string, Record<string, string>>;
  /** Keys that this process is just claiming: others are tried first. */
  readonly #reserved = new Map<string, Set<string>>();

  constructor(database: Database) {
    this.#database = database;
    this.#counts = new ReadCache(database, boundedCache(CACHED), ({ topic, data }) => {
      if (topic === 'session') return 'all';
      return topic === 'one-time-keys' ? [String(data)] : [];
    });
  }

  /**
   * Adds keys that a device uploads to a unit of work.
   *
   * @throws MatrixError 400 for malformed keys, too many, or another key of a known ID.
   */
  async add(unit: Writer, device: DeviceOfUser, keys: KeysById, fallbacks: KeysById): Promise<void> {
    const position = unit.position();
    const counts = new Map(
      (await oneTimeKeysStore.counts(this.#database, device)).map((row) => [row.algorithm, row.count]),
    );
    for (const [id, value] of Object.entries(keys)) {
      const { algorithm, keyId } = parseId(id);
      const key = canonicalJson(value, { strict: false });
      const known = await oneTimeKeysStore.find(this.#database, device, algorithm, keyId);
      if (known === null || known === key) continue;
      if (known !== undefined) throw invalidParam(`A different one-time key ${id} was uploaded before`);
      count(counts, algorithm);
      oneTimeKeysStore.add(unit, device, algorithm, { key_id: keyId, key }, position);
    }
    putFallbacks(unit, device, fallbacks);
    unit.announce({ topic: 'one-time-keys', position, data: cacheKey(device) });
  }

  /**
   * Adds keys to a unit of work that are all that the device has from then on.
   *
   * @throws MatrixError 400 for malformed keys or too many.
   */
  replace(unit: Writer, device: DeviceOfUser, keys: ReplacingKeys): void {
    const position = unit.position();
    if (keys.owner === 'same') oneTimeKeysStore.removeUnclaimed(unit, device);
    else oneTimeKeysStore.removeAll(unit, device);
    const counts = new Map<string, number>();
    for (const [id, value] of Object.entries(keys.oneTimeKeys)) {
      const { algorithm, keyId } = parseId(id);
      count(counts, algorithm);
      const key = canonicalJson(value, { strict: false });
      oneTimeKeysStore.addUnlessClaimed(unit, device, algorithm, { key_id: keyId, key }, position);
    }
    putFallbacks(unit, device, keys.fallbackKeys);
    unit.announce({ topic: 'one-time-keys', position, data: cacheKey(device) });
  }

  /** How many unclaimed keys the device has, by algorithm. */
  async counts(device: DeviceOfUser): Promise<Record<string, number>> {
    const counts: Record<string, number> = { [USUAL]: 0 };
    for (const row of await oneTimeKeysStore.counts(this.#database, device))
      counts[row.algorithm] = row.count;
    return counts;
  }

  /**
   * Claims a key of each device: each one-time key is given out once, ever; without one left, the fallback key is.
   * Devices without a key of the algorithm are left out.
   */
  async claim(
    wanted: readonly { device: DeviceOfUser; algorithm: string }[],
  ): Promise<{ device: DeviceOfUser; keys: KeysById }[]> {
    const claimed: { device: DeviceOfUser; keys: KeysById }[] = [];
    for (const part of inParts(wanted, AT_ONCE)) {
      const found = await Promise.all(part.map(({ device, algorithm }) => this.#claimOne(device, algorithm)));
      for (const [j, keys] of found.entries()) {
        const device = part[j]?.device;
        if (keys && device) claimed.push({ device, keys });
      }
    }
    return claimed;
  }

  async accompany(device: {
    userId: UserId;
    deviceId: DeviceId | undefined;
  }): Promise<Record<string, string> | undefined> {
    const { userId, deviceId } = device;
    if (deviceId === undefined) return undefined;
    return this.#counts.get(cacheKey({ userId, deviceId }), () => this.#readCounts({ userId, deviceId }));
  }

  account(request: SyncRequest): Promise<AccountSections | undefined> {
    const { since, userId, recent } = request;
    const changed = since !== undefined && recent.userChangedSince(userId, since, 'one-time-keys');
    return Promise.resolve(changed ? { wakes: true } : undefined);
  }

  async #readCounts(device: DeviceOfUser): Promise<Record<string, string>> {
    const types = await oneTimeKeysStore.unusedFallbackTypes(this.#database, device);
    return {
      device_one_time_keys_count: JSON.stringify(await this.counts(device)),
      device_unused_fallback_key_types: JSON.stringify(types),
      'org.matrix.msc2732.device_unused_fallback_key_types': JSON.stringify(types),
    };
  }

  async #claimOne(device: DeviceOfUser, algorithm: string): Promise<KeysById | undefined> {
    const place = `${cacheKey(device)}\0${algorithm}`;
    for (;;) {
      const reserved = this.#reserved.get(place) ?? new Set();
      const rows = await oneTimeKeysStore.oldest(this.#database, device, algorithm, reserved.size + 1);
      const free = rows.find((row) => !reserved.has(row.key_id));
      if (!free && rows.length === 0) return this.#takeFallback(device, algorithm);
      // All that are left are being claimed: whoever claims them is done soon, for good or not.
      const row = free ?? rows[0];
      if (row && (await this.#take(device, algorithm, row.key_id, place))) {
        return { [`${algorithm}:${row.key_id}`]: JSON.parse(row.key) as JsonObject };
      }
    }
  }

  async #take(device: DeviceOfUser, algorithm: string, keyId: string, place: string): Promise<boolean> {
    const reserved = this.#reserved.get(place) ?? new Set<string>();
    this.#reserved.set(place, reserved.add(keyId));
    const unit = new UnitOfWork();
    oneTimeKeysStore.claim(unit, device, algorithm, keyId);
    this.#announce(unit, device);
    try {
      return await commitIfFirst(this.#database, unit);
    } finally {
      reserved.delete(keyId);
      if (reserved.size === 0) this.#reserved.delete(place);
    }
  }

  async #takeFallback(device: DeviceOfUser, algorithm: string): Promise<KeysById | undefined> {
    const row = await oneTimeKeysStore.fallback(this.#database, device, algorithm);
    if (!row) return undefined;
    if (row.used === 0) {
      const unit = new UnitOfWork();
      oneTimeKeysStore.useFallback(unit, device, algorithm, row.key_id);
      this.#announce(unit, device);
      await this.#database.commit(unit);
    }
    return { [`${algorithm}:${row.key_id}`]: JSON.parse(row.key) as JsonObject };
  }

  /** Somebody took a key: the device should know, to bring new ones. */
  #announce(unit: UnitOfWork, device: DeviceOfUser): void {
    const data: JsonValue = cacheKey(device);
    unit.announce({ topic: 'one-time-keys', position: unit.position(), users: [device.userId], data });
  }
}

/** Counts a key more. 400 where that is too many. */
function count(counts: Map<string, number>, algorithm: string): void {
  const more = (counts.get(algorithm) ?? 0) + 1;
  if (more > MOST_KEYS) throw invalidParam(`A device may have ${MOST_KEYS} one-time keys of an algorithm`);
  counts.set(algorithm, more);
}

function putFallbacks(unit: Writer, device: DeviceOfUser, fallbacks: KeysById): void {
  for (const [id, value] of Object.entries(fallbacks)) {
    const { algorithm, keyId } = parseId(id);
    const key = canonicalJson(value, { strict: false });
    oneTimeKeysStore.putFallback(unit, device, algorithm, { key_id: keyId, key });
  }
}

function cacheKey(device: DeviceOfUser): string {
  return `${device.userId} ${device.deviceId}`;
}

function parseId(id: string): { algorithm: string; keyId: string } {
  const [algorithm = '', keyId = '', ...more] = id.split(':');
  if (algorithm === '' || keyId === '' || more.length > 0 || id.length > 255) {
    throw badJson(`The ID of a key must be "algorithm:key_id", not ${JSON.stringify(id.slice(0, 100))}`);
  }
  return { algorithm, keyId };
}

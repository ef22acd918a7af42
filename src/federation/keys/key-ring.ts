import { boundedCache } from '../../platform/bounded-cache.ts';
import { referenceJson } from '../../protocol/events/reference-hash.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { POLICY_KEY_ID } from '../../protocol/room-policy.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import { VerifyKey, type SigningKey } from '../../protocol/signing.ts';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { Database } from '../../storage/database.ts';
import * as serverKeysStore from '../../storage/federation/server-keys-store.ts';
import { SignatureChecks } from './signature-checks.ts';
import type { KeyFetcher } from './key-fetcher.ts';
import { KeyTurns } from './key-turns.ts';
import type { OldKeyText } from '../../platform/config/written-entries.ts';

interface KnownKey {
  readonly key: VerifyKey;
  readonly validUntil: number;
}

const MOST_KEYS = 20_000;
/** Signatures of one server on one object that are looked at. */
const MOST_SIGNATURES = 4;

/**
 * The keys of other servers, and what is checked with them. Keys are kept in the database for ever: old events stay
 * checkable when their server is gone.
 */
export class KeyRing {
  readonly #database: Database;
  readonly #fetcher: KeyFetcher;
  readonly #own: { readonly server: ServerName; readonly keys: ReadonlyMap<string, KnownKey> };
  readonly #known = boundedCache<string, KnownKey>(MOST_KEYS);
  readonly #checks: SignatureChecks;
  readonly #turns = new KeyTurns();

  /** @param own this server's name and keys, old ones included: it does not ask itself. */
  constructor(
    database: Database,
    fetcher: KeyFetcher,
    own: { server: ServerName; key: SigningKey; old: readonly OldKeyText[] },
    checks = new SignatureChecks(),
  ) {
    this.#database = database;
    this.#fetcher = fetcher;
    this.#checks = checks;
    const keys = new Map(
      own.old.map((old) => [old.keyId, { key: VerifyKey.of(old.publicKey), validUntil: old.expiredAt }]),
    );
    keys.set(own.key.keyId, { key: VerifyKey.of(own.key.publicKey), validUntil: Number.POSITIVE_INFINITY });
    this.#own = { server: own.server, keys };
  }

  /**
   * A key of a server that was valid at a time, asked for where it is not known.
   *
   * @param at milliseconds since the epoch; undefined where the validity does not matter (room versions 1 to 4).
   * @param sentBy the server that sent what is to be checked: only so many others are asked at once for its sake.
   */
  async key(
    server: ServerName,
    keyId: string,
    at: number | undefined,
    sentBy?: ServerName,
  ): Promise<VerifyKey | undefined> {
    if (server === this.#own.server) return validKey(this.#own.keys.get(keyId), at);
    const known = validKey(await this.#lookUp(server, keyId), at);
    if (known) return known;
    const ask = () => this.#ask(server, keyId, at);
    await (sentBy === undefined ? ask() : this.#turns.run(sentBy, server, keyId, ask));
    return validKey(await this.#lookUp(server, keyId), at);
  }

  async #ask(server: ServerName, keyId: string, at: number | undefined): Promise<void> {
    // Somebody else may have asked while this waited for its turn.
    if (validKey(this.#known.get(`${server} ${keyId}`), at)) return;
    const answer = await this.#fetcher.fetch(server, { keyIds: [keyId], validUntil: at });
    for (const row of answer?.keys ?? []) this.#keep(server, row);
  }

  /** Whether a text is signed by this key of a server, valid at a time. */
  async verifyText(
    text: string,
    by: { server: ServerName; keyId: string; signature: string },
    at: number | undefined,
  ): Promise<boolean> {
    const key = await this.key(by.server, by.keyId, at);
    return key?.verify(text, by.signature) ?? false;
  }

  /** Whether an object carries a valid signature of a server (Appendices, "Checking for a Signature"). */
  async verifyObject(object: JsonObject, server: ServerName, at: number | undefined): Promise<boolean> {
    return this.#verify(object, { server, at }, () =>
      canonicalJson({ ...object, signatures: undefined, unsigned: undefined }, { strict: false }),
    );
  }

  /**
   * Whether an event carries a valid signature of a server, by a key that was valid when the event says it was sent (room
   * version 5 and later). Call it for many events at once: the thread pool checks them beside each other.
   */
  async verifyPdu(
    pdu: Pdu,
    version: RoomVersion,
    server: ServerName,
    known: { signedText?: string | undefined; sentBy?: ServerName | undefined } = {},
  ): Promise<boolean> {
    const { signedText, sentBy } = known;
    const at = version.enforceKeyValidity ? pdu.origin_server_ts : undefined;
    return this.#verify(pdu, { server, at, sentBy }, () => signedText ?? referenceJson(pdu, version));
  }

  async #verify(
    object: JsonObject,
    by: { server: ServerName; at: number | undefined; sentBy?: ServerName | undefined },
    text: () => string,
  ): Promise<boolean> {
    const { server, at, sentBy } = by;
    const signatures = isJsonObject(object.signatures) ? object.signatures : {};
    const ofServer = Object.hasOwn(signatures, server) ? signatures[server] : undefined;
    if (!isJsonObject(ofServer)) return false;
    let signed: string | undefined;
    for (const [keyId, signature] of Object.entries(ofServer).slice(0, MOST_SIGNATURES)) {
      if (typeof signature !== 'string' || !keyId.startsWith('ed25519:') || keyId === POLICY_KEY_ID) continue;
      const key = await this.key(server, keyId, at, sentBy);
      if (key === undefined) continue;
      signed ??= textOrUndefined(text);
      if (signed === undefined) return false;
      if (await this.#checks.isSigned(signed, key, signature)) return true;
    }
    return false;
  }

  async #lookUp(server: ServerName, keyId: string): Promise<KnownKey | undefined> {
    const known = this.#known.get(`${server} ${keyId}`);
    if (known) return known;
    const row = await serverKeysStore.key(this.#database, server, keyId);
    return row && this.#keep(server, row);
  }

  #keep(server: ServerName, row: serverKeysStore.ServerKeyRow): KnownKey {
    const known = { key: VerifyKey.of(row.public_key), validUntil: row.valid_until };
    this.#known.set(`${server} ${row.key_id}`, known);
    return known;
  }
}

function validKey(known: KnownKey | undefined, at: number | undefined): VerifyKey | undefined {
  return known && (at === undefined || at <= known.validUntil) ? known.key : undefined;
}

function textOrUndefined(text: () => string): string | undefined {
  try {
    return text();
  } catch (error) {
    if (error instanceof MatrixError) return undefined;
    throw error;
  }
}

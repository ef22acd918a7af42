import { canonicalJson } from '../../protocol/canonical-json.ts';
import { oldKeyOf, type OldKeyText } from '../../platform/config/written-entries.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { signJson, type SigningKey } from '../../protocol/signing.ts';

/** How long others may keep the answer, and how long it is handed out before it is made anew, in milliseconds. */
const VALID_MS = 24 * 3_600_000;
const FRESH_MS = 3_600_000;

/** The keys that this server publishes (Server-Server API, "Publishing Keys"). */
export class OwnKeys {
  readonly #serverName: ServerName;
  readonly #key: SigningKey;
  readonly #old: readonly OldKeyText[];
  readonly #clock: { now(): number };
  #answer: { body: JsonObject; madeAt: number } | undefined;

  constructor(serverName: ServerName, key: SigningKey, old: readonly OldKeyText[], clock: { now(): number }) {
    this.#serverName = serverName;
    this.#key = key;
    this.#old = old;
    this.#clock = clock;
  }

  /** The signed answer to whoever asks for this server's keys: valid for at least 23 hours. */
  answer(): JsonObject {
    const now = this.#clock.now();
    if (!this.#answer || Math.abs(now - this.#answer.madeAt) > FRESH_MS) {
      this.#answer = { body: this.#make(now), madeAt: now };
    }
    return this.#answer.body;
  }

  /**
   * The keys in the form of version 1 (specification of October 2015, "Version 1"), which names the server's certificate.
   *
   * @param certificate unpadded base64 of DER; undefined where a reverse proxy has it.
   */
  answerOfVersion1(certificate: string | undefined): JsonObject {
    const body: JsonObject = {
      server_name: this.#serverName,
      verify_keys: { [this.#key.keyId]: this.#key.publicKey },
    };
    if (certificate !== undefined) body.tls_certificate = certificate;
    return signJson(body, this.#serverName, this.#key);
  }

  /**
   * As `answer`, with fingerprints of the certificate, to which keys were bound until 2019 (specification of October 2015,
   * "Publishing Keys").
   *
   * @param fingerprints SHA-256 of the certificate, unpadded base64.
   */
  answerWithFingerprints(fingerprints: readonly string[]): JsonObject {
    const { signatures: _unbound, ...body } = this.answer();
    const bound = { ...body, tls_fingerprints: fingerprints.map((sha256) => ({ sha256 })) };
    return signJson(bound, this.#serverName, this.#key);
  }

  /** Another server's answer about its keys with this server's signature added, as a notary gives it. */
  countersign(answer: JsonObject): JsonObject {
    return signJson(answer, this.#serverName, this.#key);
  }

  #make(now: number): JsonObject {
    const old = this.#old.map(({ keyId, publicKey, expiredAt }) => [
      keyId,
      { key: publicKey, expired_ts: expiredAt },
    ]);
    const body = {
      server_name: this.#serverName,
      valid_until_ts: now + VALID_MS,
      verify_keys: { [this.#key.keyId]: { key: this.#key.publicKey } },
      old_verify_keys: Object.fromEntries(old) as JsonObject,
    };
    const signed = signJson(body, this.#serverName, this.#key);
    // In canonical order: there are those who verify the text as it comes.
    return JSON.parse(canonicalJson(signed, { strict: true })) as JsonObject;
  }
}

/**
 * The old keys that a configuration names: `ed25519:id key-in-base64 milliseconds` each.
 *
 * @throws Error for one that is not like that.
 */
export function parseOldKeys(lines: readonly string[]): OldKeyText[] {
  return lines.map((line) => {
    const old = oldKeyOf(line);
    if (old) return old;
    throw new Error(`The old key "${line}" must be written ed25519:id key-in-base64 milliseconds`);
  });
}

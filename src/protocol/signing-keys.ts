import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { base64, base64Url, decodeBase64, decodeBase64Url } from './base64.ts';
import { invalidParam } from './matrix-error.ts';

const KEY_ID = /^ed25519:[A-Za-z0-9_]+$/;
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const MAX_CACHED_KEYS = 4096;

/** A library for Ed25519 (RFC 8032). */
export interface Ed25519 {
  /** @param secret the seed of the key, followed by its public part. */
  sign(message: Buffer, secret: Buffer): Buffer;
  isSigned(signature: Buffer, message: Buffer, publicKey: Buffer): boolean;
}

let library: () => Ed25519 | undefined = () => undefined;

/** Signs and checks from now on with what this gives; where that is nothing, with the runtime's library, as before. */
export function signWith(given: () => Ed25519 | undefined): void {
  library = given;
}

/** A server's own Ed25519 key, ready to sign (Appendices, "Signing Details"). */
export class SigningKey {
  /** `ed25519:` and the key's name. */
  readonly keyId: string;
  /** Unpadded base64. */
  readonly publicKey: string;
  readonly #seed: Buffer;
  /** The seed and the public key. */
  readonly #secret: Buffer;
  readonly #key: KeyObject;

  private constructor(keyId: string, seed: Buffer) {
    this.keyId = keyId;
    this.#seed = seed;
    this.#key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
    const publicBytes = publicKeyOf(this.#key);
    this.publicKey = base64(publicBytes);
    this.#secret = Buffer.concat([seed, publicBytes]);
  }

  /**
   * The key that a seed of 32 bytes makes. Take the seed from a cryptographic source of randomness.
   *
   * @param keyId `ed25519:name`, the name of letters, digits and underscores.
   * @throws MatrixError 400 M_INVALID_PARAM for a key ID or seed of another form.
   */
  static fromSeed(keyId: string, seed: Uint8Array): SigningKey {
    if (!KEY_ID.test(keyId)) {
      throw invalidParam('A signing key ID must be "ed25519:" and letters, digits or underscores');
    }
    if (seed.byteLength !== KEY_BYTES) {
      throw invalidParam(`The seed of a signing key must be ${KEY_BYTES} bytes long, not ${seed.byteLength}`);
    }
    return new SigningKey(keyId, Buffer.from(seed));
  }

  /** As `fromSeed`, of a seed that `exportSeed` wrote. */
  static fromExportedSeed(keyId: string, exported: string): SigningKey {
    const seed = decodeBase64(exported);
    if (!seed) throw invalidParam('The seed of a signing key must be base64');
    return SigningKey.fromSeed(keyId, seed);
  }

  /** The seed as unpadded base64. It is the secret. */
  exportSeed(): string {
    return base64(this.#seed);
  }

  /** The signature of a text's UTF-8 bytes, as unpadded base64. */
  sign(text: string): string {
    const message = Buffer.from(text);
    return base64(library()?.sign(message, this.#secret) ?? sign(null, message, this.#key));
  }
}

/** Someone's public Ed25519 key, imported once and then ready to check signatures. */
export class VerifyKey {
  static readonly #cache = new Map<string, VerifyKey>();
  /** Unpadded base64. */
  readonly publicKey: string;
  readonly #bytes: Buffer;
  #imported: KeyObject | undefined;

  private constructor(publicKey: string, bytes: Buffer) {
    this.publicKey = publicKey;
    this.#bytes = bytes;
  }

  /**
   * The key of a base64 public key of 32 bytes. The 4096 used last are kept, since importing one may cost as much as a
   * check.
   *
   * @throws MatrixError 400 M_INVALID_PARAM when it is not such a key.
   */
  static of(publicKey: string): VerifyKey {
    const cached = VerifyKey.#cache.get(publicKey);
    if (cached) {
      VerifyKey.#cache.delete(publicKey);
      VerifyKey.#cache.set(publicKey, cached);
      return cached;
    }
    const bytes = decodeBase64(publicKey);
    if (bytes?.length !== KEY_BYTES) {
      throw invalidParam(`A public key must be base64 of ${KEY_BYTES} bytes`);
    }
    const key = new VerifyKey(base64(bytes), bytes);
    for (const oldest of VerifyKey.#cache.keys()) {
      if (VerifyKey.#cache.size < MAX_CACHED_KEYS) break;
      VerifyKey.#cache.delete(oldest);
    }
    VerifyKey.#cache.set(publicKey, key);
    return key;
  }

  /** Whether a base64 signature is this key's signature of the text's UTF-8 bytes. */
  verify(text: string, signature: string): boolean {
    const bytes = signatureBytes(signature);
    if (bytes === undefined) return false;
    const message = Buffer.from(text);
    return library()?.isSigned(bytes, message, this.#bytes) ?? verify(null, message, this.#key, bytes);
  }

  /** As `verify`, on the thread pool. */
  verifyInBackground(text: string, signature: string): Promise<boolean> {
    const bytes = signatureBytes(signature);
    if (bytes === undefined) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      verify(null, Buffer.from(text), this.#key, bytes, (error, valid) => {
        if (error) reject(error);
        else resolve(valid);
      });
    });
  }

  /** The key as the runtime's library takes it, which costs as much as a check. */
  get #key(): KeyObject {
    const key = { kty: 'OKP', crv: 'Ed25519', x: base64Url(this.#bytes) };
    this.#imported ??= createPublicKey({ key, format: 'jwk' });
    return this.#imported;
  }
}

function signatureBytes(signature: string): Buffer | undefined {
  const bytes = decodeBase64(signature);
  return bytes?.length === SIGNATURE_BYTES ? bytes : undefined;
}

function publicKeyOf(key: KeyObject): Buffer {
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  const bytes = x === undefined ? undefined : decodeBase64Url(x);
  if (!bytes) throw new Error('An Ed25519 key must have a public part');
  return bytes;
}

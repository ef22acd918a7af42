import type { SigningKey } from '../../protocol/signing.ts';
import { notFound } from '../../protocol/matrix-error.ts';

/** A public key and where it is told whether it is valid. */
export type OfferedKey = Readonly<Record<'public_key' | 'key_validity_url', string>>;

/** The keys of an identity server (Identity Service API, "Key management"). */
export class PublicKeys {
  readonly longTerm: OfferedKey;
  readonly #keyId: string;
  readonly #baseUrl: string;

  /** @param baseUrl address of the identity server, without a slash at its end. */
  constructor(key: SigningKey, baseUrl: string) {
    this.#keyId = key.keyId;
    this.#baseUrl = baseUrl;
    this.longTerm = this.#offer(key.publicKey, '/isvalid');
  }

  /** The key of an invitation. */
  ephemeral(publicKey: string): OfferedKey {
    return this.#offer(publicKey, '/ephemeral/isvalid');
  }

  /** Whether a key is the long-term one. */
  isLongTerm(publicKey: string): boolean {
    return publicKey === this.longTerm.public_key;
  }

  /**
   * The long-term key of an ID, as unpadded base64.
   *
   * @throws MatrixError 404 M_NOT_FOUND.
   */
  byId(keyId: string): string {
    if (keyId === this.#keyId) return this.longTerm.public_key;
    throw notFound('This identity server has no key of this ID');
  }

  #offer(publicKey: string, path: string): OfferedKey {
    const url = `${this.#baseUrl}/_matrix/identity/v2/pubkey${path}`;
    return { public_key: publicKey, key_validity_url: url };
  }
}

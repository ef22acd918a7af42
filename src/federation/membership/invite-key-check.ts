import { OutgoingError, type OutgoingHttp } from '../../platform/outgoing-http.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import { verifyJson, VerifyKey } from '../../protocol/signing.ts';

/** A key of a third-party invite, and where it is told whether it is still good, if anywhere. */
interface OfferedKey {
  readonly publicKey: string;
  readonly validityUrl: string | undefined;
}

const CHECK_MS = 10_000;
const MOST_BYTES = 65_536;
/** Keys of an invite, and signatures on an acceptance, that are looked at. */
const MOST = 8;

/**
 * Whether the key by which somebody takes a third-party invite up is still good: the identity server that gave the key out
 * is asked (Client-Server API, "Third-party invites"). This is for the server through which they come in only; others go by
 * the signature alone, so that all see the same room.
 */
export class InviteKeyCheck {
  readonly #outgoing: OutgoingHttp;

  constructor(outgoing: OutgoingHttp) {
    this.#outgoing = outgoing;
  }

  /**
   * @param offer content of the m.room.third_party_invite.
   * @param signed what its key has signed.
   * @throws MatrixError 403 where none of the keys has, or none of those that have is valid any more.
   */
  async assertHolds(offer: JsonObject, signed: JsonObject): Promise<void> {
    const signers = keysOf(offer).filter(({ publicKey }) => hasSigned(publicKey, signed));
    if (signers.length === 0) throw forbidden('This is not signed by a key of the third-party invite');
    for (const key of signers) if (await this.#isValid(key)) return;
    throw forbidden('The key of the third-party invite is not valid any more');
  }

  /** A key of which nobody tells whether it is valid always is. */
  async #isValid({ publicKey, validityUrl }: OfferedKey): Promise<boolean> {
    if (validityUrl === undefined) return true;
    const query = new URLSearchParams({ public_key: publicKey }).toString();
    const url = `${validityUrl}${validityUrl.includes('?') ? '&' : '?'}${query}`;
    try {
      const answer = await this.#outgoing.request({
        ...{ method: 'GET', url, timeoutMs: CHECK_MS, maxBytes: MOST_BYTES },
      });
      return answer.status === 200 && parsed(answer.body)?.valid === true;
    } catch (error) {
      if (error instanceof OutgoingError) return false;
      throw error;
    }
  }
}

function keysOf(offer: JsonObject): OfferedKey[] {
  const listed = Array.isArray(offer.public_keys) ? offer.public_keys.filter(isJsonObject) : [];
  const keys = new Map<string, OfferedKey>();
  for (const { public_key: publicKey, key_validity_url: url } of [offer, ...listed].slice(0, MOST)) {
    if (typeof publicKey !== 'string' || keys.has(publicKey)) continue;
    keys.set(publicKey, { publicKey, validityUrl: typeof url === 'string' && url !== '' ? url : undefined });
  }
  return [...keys.values()];
}

function hasSigned(publicKey: string, signed: JsonObject): boolean {
  const signatures = isJsonObject(signed.signatures) ? Object.entries(signed.signatures) : [];
  const names = signatures.flatMap(([server, byKey]) =>
    isJsonObject(byKey) ? Object.keys(byKey).map((keyId) => [server, keyId] as const) : [],
  );
  const key = keyOf(publicKey);
  return (
    key !== undefined && names.slice(0, MOST).some(([server, id]) => verifyJson(signed, server, id, key))
  );
}

function keyOf(publicKey: string): VerifyKey | undefined {
  try {
    return VerifyKey.of(publicKey);
  } catch (error) {
    if (error instanceof MatrixError) return undefined;
    throw error;
  }
}

function parsed(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

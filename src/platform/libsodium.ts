import { createRequire } from 'node:module';
import type { Ed25519 } from '../protocol/signing-keys.ts';

/** What is used of libsodium. */
interface Sodium {
  crypto_sign_detached(signature: Buffer, message: Buffer, secret: Buffer): void;
  crypto_sign_verify_detached(signature: Buffer, message: Buffer, publicKey: Buffer): boolean;
}

const SIGNATURE_BYTES = 64;

let loaded: { readonly ed25519: Ed25519 | undefined } | undefined;

/**
 * Ed25519 by libsodium, which signs and checks in half the time of the runtime's own library; loaded when it is first asked
 * for. Undefined where there is no build of it for this machine.
 */
export function libsodium(): Ed25519 | undefined {
  loaded ??= { ed25519: load() };
  return loaded.ed25519;
}

function load(): Ed25519 | undefined {
  let sodium: Sodium;
  try {
    sodium = createRequire(import.meta.url)('sodium-native') as Sodium;
  } catch {
    return undefined;
  }
  return {
    sign(message, secret) {
      const signature = Buffer.allocUnsafe(SIGNATURE_BYTES);
      sodium.crypto_sign_detached(signature, message, secret);
      return signature;
    },
    isSigned: (signature, message, publicKey) =>
      sodium.crypto_sign_verify_detached(signature, message, publicKey),
  };
}

import type { DeviceId, UserId } from '../protocol/identifiers.ts';
import { forbidden } from '../protocol/matrix-error.ts';
import type { Reader } from '../storage/database.ts';
import * as deviceKeysStore from '../storage/encryption/device-keys-store.ts';

/**
 * Lets pass device IDs that are none of the user's cross-signing keys: signatures and verification name both by the same
 * (Client-Server API, "Cross-signing").
 *
 * @throws MatrixError 403 M_FORBIDDEN.
 */
export async function assertNoCrossSigningKey(
  reader: Reader,
  userId: UserId,
  deviceId: DeviceId,
): Promise<void> {
  if (!(await deviceKeysStore.isCrossSigningKey(reader, userId, deviceId))) return;
  throw forbidden('A device may not have a cross-signing key as its ID: choose another');
}

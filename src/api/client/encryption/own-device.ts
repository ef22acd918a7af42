import type { DeviceOfUser } from '../../../modules/end-to-end-encryption/index.ts';
import { invalidParam } from '../../../protocol/matrix-error.ts';
import type { Session } from '../../../wire/session.ts';

/** The device that asks. 400 when it is an application service that acts without one. */
export function ownDevice(session: Session): DeviceOfUser {
  const { userId, deviceId } = session;
  if (deviceId === undefined) throw invalidParam('This can be done only by a device: log in as one');
  return { userId, deviceId };
}

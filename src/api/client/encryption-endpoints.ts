import { claimKeys } from './encryption/claim-keys.ts';
import { uploadCrossSigningKeys, uploadCrossSigningSignatures } from './encryption/cross-signing.ts';
import {
  deleteDehydratedDevice,
  getDehydratedDevice,
  getDehydratedDeviceEvents,
  postDehydratedDeviceEvents,
  putDehydratedDevice,
} from './encryption/dehydrated-device.ts';
import { getKeysChanges } from './encryption/key-changes.ts';
import { queryKeys } from './encryption/query-keys.ts';
import {
  deleteRoomKeyBySessionId,
  deleteRoomKeys,
  deleteRoomKeysByRoomId,
  getRoomKeyBySessionId,
  getRoomKeys,
  getRoomKeysByRoomId,
  putRoomKeyBySessionId,
  putRoomKeys,
  putRoomKeysByRoomId,
} from './encryption/room-keys.ts';
import {
  deleteRoomKeysVersion,
  getRoomKeysVersion,
  getRoomKeysVersionCurrent,
  postRoomKeysVersion,
  putRoomKeysVersion,
} from './encryption/room-keys-version.ts';
import { sendToDevice } from './encryption/send-to-device.ts';
import { uploadKeys } from './encryption/upload-keys.ts';

/** Endpoints of end-to-end encryption. */
export const encryptionEndpoints = [
  claimKeys,
  deleteDehydratedDevice,
  deleteRoomKeyBySessionId,
  deleteRoomKeys,
  deleteRoomKeysByRoomId,
  deleteRoomKeysVersion,
  getDehydratedDevice,
  getDehydratedDeviceEvents,
  getKeysChanges,
  getRoomKeyBySessionId,
  getRoomKeys,
  getRoomKeysByRoomId,
  getRoomKeysVersion,
  getRoomKeysVersionCurrent,
  postDehydratedDeviceEvents,
  postRoomKeysVersion,
  putDehydratedDevice,
  putRoomKeyBySessionId,
  putRoomKeys,
  putRoomKeysByRoomId,
  putRoomKeysVersion,
  queryKeys,
  sendToDevice,
  uploadCrossSigningKeys,
  uploadCrossSigningSignatures,
  uploadKeys,
] as const;

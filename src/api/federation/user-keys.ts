import { Type } from 'typebox';
import type { DeviceKeys, DeviceOfUser, OneTimeKeys } from '../../modules/end-to-end-encryption/index.ts';
import {
  parseDeviceId,
  parseUserId,
  serverNameOf,
  userId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { invalidParam } from '../../protocol/matrix-error.ts';
import { endpoint, federationPaths } from '../../wire/endpoint.ts';

/** GET /_matrix/federation/v1/user/devices/{userId} */
export const getUserDevices = endpoint(
  {
    id: 'getUserDevices',
    spec: 'server-server-api/#get_matrixfederationv1userdevicesuserid',
    method: 'GET',
    paths: federationPaths('/user/devices/:userId'),
    auth: 'server',
    params: Type.Object({ userId: Type.String() }),
  },
  async (needs: { deviceKeys: DeviceKeys; serverName: ServerName }, request) => {
    const user = userId(request.params.userId);
    if (serverNameOf(user) !== needs.serverName) {
      throw invalidParam(`Of users, only those of ${needs.serverName} can be asked for here`);
    }
    return needs.deviceKeys.devicesOf(user);
  },
);

/** POST /_matrix/federation/v1/user/keys/query */
export const queryUserEncryptionKeys = endpoint(
  {
    id: 'queryUserEncryptionKeys',
    spec: 'server-server-api/#post_matrixfederationv1userkeysquery',
    method: 'POST',
    paths: federationPaths('/user/keys/query'),
    auth: 'server',
    body: Type.Object({
      device_keys: Type.Record(Type.String(), Type.Array(Type.String(), { maxItems: 10_000 })),
    }),
  },
  async ({ deviceKeys }: { deviceKeys: DeviceKeys }, request) => {
    const wanted = new Map<UserId, readonly string[]>();
    for (const [id, devices] of Object.entries(request.body.device_keys)) {
      const user = parseUserId(id);
      if (user !== undefined) wanted.set(user, devices);
    }
    return deviceKeys.queryLocal(wanted);
  },
);

/** POST /_matrix/federation/v1/user/keys/claim */
export const claimUserEncryptionKeys = endpoint(
  {
    id: 'claimUserEncryptionKeys',
    spec: 'server-server-api/#post_matrixfederationv1userkeysclaim',
    method: 'POST',
    paths: federationPaths('/user/keys/claim'),
    auth: 'server',
    body: Type.Object({
      one_time_keys: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())),
    }),
  },
  async (needs: { oneTimeKeys: OneTimeKeys; serverName: ServerName }, request) => {
    const wanted: { device: DeviceOfUser; algorithm: string }[] = [];
    for (const [id, devices] of Object.entries(request.body.one_time_keys)) {
      const user = parseUserId(id);
      if (user === undefined || serverNameOf(user) !== needs.serverName) continue;
      for (const [device, algorithm] of Object.entries(devices)) {
        const deviceId = parseDeviceId(device);
        if (deviceId !== undefined) wanted.push({ device: { userId: user, deviceId }, algorithm });
      }
    }
    const keys: Record<string, JsonObject> = {};
    for (const claimed of await needs.oneTimeKeys.claim(wanted)) {
      (keys[claimed.device.userId] ??= {})[claimed.device.deviceId] = claimed.keys;
    }
    return { one_time_keys: keys };
  },
);

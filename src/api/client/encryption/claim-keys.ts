import { Type } from 'typebox';
import type { DeviceOfUser, OneTimeKeys } from '../../../modules/end-to-end-encryption/index.ts';
import { parseDeviceId, parseUserId, serverNameOf, type ServerName } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /keys/claim */
export const claimKeys = endpoint(
  {
    id: 'claimKeys',
    spec: 'client-server-api/#post_matrixclientv3keysclaim',
    method: 'POST',
    paths: clientPaths('/keys/claim'),
    auth: 'user',
    guests: true,
    body: Type.Object({
      one_time_keys: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())),
      timeout: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  },
  async (needs: { oneTimeKeys: OneTimeKeys; serverName: ServerName }, request) => {
    const wanted: { device: DeviceOfUser; algorithm: string }[] = [];
    const failures: JsonObject = {};
    for (const [user, devices] of Object.entries(request.body.one_time_keys)) {
      const userId = parseUserId(user);
      if (userId === undefined) continue;
      if (serverNameOf(userId) !== needs.serverName) {
        failures[serverNameOf(userId)] = {};
        continue;
      }
      for (const [device, algorithm] of Object.entries(devices)) {
        const deviceId = parseDeviceId(device);
        if (deviceId !== undefined) wanted.push({ device: { userId, deviceId }, algorithm });
      }
    }
    const keys: Record<string, JsonObject> = {};
    for (const claimed of await needs.oneTimeKeys.claim(wanted)) {
      (keys[claimed.device.userId] ??= {})[claimed.device.deviceId] = claimed.keys;
    }
    return { one_time_keys: keys, failures };
  },
);

import { Type } from 'typebox';
import type {
  DeviceOfUser,
  OneTimeKeys,
  RemoteKeyQueries,
} from '../../../modules/end-to-end-encryption/index.ts';
import { parseDeviceId, parseUserId, serverNameOf, type ServerName } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  oneTimeKeys: OneTimeKeys;
  remoteKeys: RemoteKeyQueries;
  serverName: ServerName;
}

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
  async (needs: Needs, request) => {
    const wanted: { device: DeviceOfUser; algorithm: string }[] = [];
    const elsewhere: typeof wanted = [];
    for (const [user, devices] of Object.entries(request.body.one_time_keys)) {
      const userId = parseUserId(user);
      if (userId === undefined) continue;
      const list = serverNameOf(userId) === needs.serverName ? wanted : elsewhere;
      for (const [device, algorithm] of Object.entries(devices)) {
        const deviceId = parseDeviceId(device);
        if (deviceId !== undefined) list.push({ device: { userId, deviceId }, algorithm });
      }
    }
    const keys: Record<string, JsonObject> = {};
    const remote = await needs.remoteKeys.claim(elsewhere, request.body.timeout);
    for (const claimed of [...(await needs.oneTimeKeys.claim(wanted)), ...remote.claimed]) {
      (keys[claimed.device.userId] ??= {})[claimed.device.deviceId] = claimed.keys;
    }
    return { one_time_keys: keys, failures: remote.failures };
  },
);

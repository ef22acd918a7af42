import { Type } from 'typebox';
import type { DeviceKeys } from '../../../modules/end-to-end-encryption/index.ts';
import { parseUserId, type UserId } from '../../../protocol/identifiers.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /keys/query */
export const queryKeys = endpoint(
  {
    id: 'queryKeys',
    spec: 'client-server-api/#post_matrixclientv3keysquery',
    method: 'POST',
    paths: clientPaths('/keys/query'),
    auth: 'user',
    guests: true,
    body: Type.Object({
      device_keys: Type.Record(Type.String(), Type.Array(Type.String(), { maxItems: 10_000 })),
      timeout: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  },
  async (needs: { deviceKeys: DeviceKeys }, request) => {
    const wanted = new Map<UserId, readonly string[]>();
    for (const [id, devices] of Object.entries(request.body.device_keys)) {
      const userId = parseUserId(id);
      if (userId !== undefined) wanted.set(userId, devices);
    }
    return needs.deviceKeys.query(request.session.userId, wanted, request.body.timeout);
  },
);

import { Type } from 'typebox';
import type { DeviceKeys, OneTimeKeys } from '../../../modules/end-to-end-encryption/index.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { ownDevice } from './own-device.ts';

const Text = Type.String({ maxLength: 1_000 });
/** Identity keys of a device: signed JSON, of which more than this may be there. */
export const DeviceKeysBody = Type.Object({
  user_id: Type.String(),
  device_id: Type.String(),
  algorithms: Type.Array(Text, { maxItems: 100 }),
  keys: Type.Record(Type.String(), Text),
  signatures: Type.Optional(Type.Record(Type.String(), Type.Record(Type.String(), Text))),
});
/** One-time or fallback keys, by `algorithm:key_id`. */
export const KeysBody = Type.Record(Type.String(), Type.Union([Text, Type.Object({ key: Text })]));

/** POST /keys/upload */
export const uploadKeys = endpoint(
  {
    id: 'uploadKeys',
    spec: 'client-server-api/#post_matrixclientv3keysupload',
    method: 'POST',
    paths: [...clientPaths('/keys/upload'), ...clientPaths('/keys/upload/:deviceId')],
    auth: 'user',
    guests: true,
    params: Type.Object({ deviceId: Type.Optional(Type.String()) }),
    body: Type.Object({
      device_keys: Type.Optional(DeviceKeysBody),
      one_time_keys: Type.Optional(KeysBody),
      fallback_keys: Type.Optional(KeysBody),
      'org.matrix.msc2732.fallback_keys': Type.Optional(KeysBody),
    }),
  },
  async (needs: { deviceKeys: DeviceKeys; oneTimeKeys: OneTimeKeys }, request) => {
    const { body } = request;
    const device = ownDevice(request.session);
    await needs.deviceKeys.upload(device, {
      deviceKeys: body.device_keys as JsonObject | undefined,
      oneTimeKeys: body.one_time_keys ?? {},
      fallbackKeys: body.fallback_keys ?? body['org.matrix.msc2732.fallback_keys'] ?? {},
    });
    return { one_time_key_counts: await needs.oneTimeKeys.counts(device) };
  },
);

import { Type } from 'typebox';
import type { DehydratedDevices } from '../../../modules/dehydrated-devices/index.ts';
import { deviceId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { endpoint, RawJson } from '../../../wire/endpoint.ts';
import { DeviceKeysBody, KeysBody } from './upload-keys.ts';

const PATH = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device';
const own = { paths: [PATH], auth: 'user' } as const;
const events = {
  paths: [`${PATH}/:deviceId/events`],
  auth: 'user',
  params: Type.Object({ deviceId: Type.String() }),
} as const;

/** PUT /dehydrated_device (MSC3814) */
export const putDehydratedDevice = endpoint(
  {
    ...own,
    id: 'putDehydratedDevice',
    method: 'PUT',
    body: Type.Object({
      device_id: Type.String(),
      device_data: Type.Record(Type.String(), Type.Unknown()),
      initial_device_display_name: Type.Optional(Type.String({ maxLength: 100 })),
      device_keys: DeviceKeysBody,
      one_time_keys: Type.Optional(KeysBody),
      fallback_keys: Type.Optional(KeysBody),
    }),
  },
  async (needs: { dehydratedDevices: DehydratedDevices }, request) => {
    const { body } = request;
    await needs.dehydratedDevices.put(request.session.userId, {
      deviceId: deviceId(body.device_id),
      deviceData: body.device_data as JsonObject,
      displayName: body.initial_device_display_name,
      deviceKeys: body.device_keys as JsonObject,
      oneTimeKeys: body.one_time_keys ?? {},
      fallbackKeys: body.fallback_keys ?? {},
    });
    return { device_id: body.device_id };
  },
);

/** GET /dehydrated_device (MSC3814) */
export const getDehydratedDevice = endpoint(
  { ...own, id: 'getDehydratedDevice', method: 'GET' },
  (needs: { dehydratedDevices: DehydratedDevices }, request) =>
    needs.dehydratedDevices.get(request.session.userId),
);

/** DELETE /dehydrated_device (MSC3814) */
export const deleteDehydratedDevice = endpoint(
  { ...own, id: 'deleteDehydratedDevice', method: 'DELETE' },
  async (needs: { dehydratedDevices: DehydratedDevices }, request) => ({
    device_id: await needs.dehydratedDevices.remove(request.session.userId),
  }),
);

/** GET /dehydrated_device/{deviceId}/events (MSC3814, as it is now) */
export const getDehydratedDeviceEvents = endpoint(
  {
    ...events,
    id: 'getDehydratedDeviceEvents',
    method: 'GET',
    query: Type.Object({ next_batch: Type.Optional(Type.String()), from: Type.Optional(Type.String()) }),
  },
  async (needs: { dehydratedDevices: DehydratedDevices }, request) => {
    const { next_batch: nextBatch, from } = request.query;
    const id = deviceId(request.params.deviceId);
    return new RawJson(await needs.dehydratedDevices.messages(request.session.userId, id, nextBatch ?? from));
  },
);

/** POST /dehydrated_device/{deviceId}/events (MSC3814, as it was) */
export const postDehydratedDeviceEvents = endpoint(
  {
    ...events,
    id: 'postDehydratedDeviceEvents',
    method: 'POST',
    body: Type.Object({ next_batch: Type.Optional(Type.String()) }),
  },
  async (needs: { dehydratedDevices: DehydratedDevices }, request) => {
    const id = deviceId(request.params.deviceId);
    return new RawJson(
      await needs.dehydratedDevices.messages(request.session.userId, id, request.body.next_batch),
    );
  },
);

import { Type } from 'typebox';
import type { Accounts } from '../../../accounts/accounts.ts';
import { deviceId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import type { DeviceRow } from '../../../storage/accounts/devices-store.ts';
import { clientPaths, endpoint, Reply } from '../../../wire/endpoint.ts';

const Auth = Type.Optional(Type.Record(Type.String(), Type.Unknown()));
const oneDevice = {
  paths: clientPaths('/devices/:deviceId'),
  auth: 'user',
  params: Type.Object({ deviceId: Type.String() }),
} as const;

/** GET /devices */
export const getDevices = endpoint(
  { id: 'getDevices', method: 'GET', paths: clientPaths('/devices'), auth: 'user', guests: true },
  async (needs: { accounts: Accounts }, request) => ({
    devices: (await needs.accounts.devices(request.session.userId)).map(deviceBody),
  }),
);

/** GET /devices/{deviceId} */
export const getDevice = endpoint(
  { ...oneDevice, id: 'getDevice', method: 'GET', guests: true },
  async (needs: { accounts: Accounts }, request) =>
    deviceBody(await needs.accounts.device(request.session.userId, deviceId(request.params.deviceId))),
);

/** PUT /devices/{deviceId}: 201 where an application service made a device. */
export const updateDevice = endpoint(
  {
    ...oneDevice,
    id: 'updateDevice',
    method: 'PUT',
    guests: true,
    body: Type.Object({ display_name: Type.Optional(Type.String({ maxLength: 100 })) }),
  },
  async (needs: { accounts: Accounts }, request) => {
    const { userId } = request.session;
    const id = deviceId(request.params.deviceId);
    const name = request.body.display_name;
    if (request.session.appserviceId !== undefined) {
      const isNew = await needs.accounts.makeDevice(userId, id, name);
      return isNew ? new Reply(201, { 'content-type': 'application/json' }, {}) : {};
    }
    if (name === undefined) await needs.accounts.device(userId, id);
    else await needs.accounts.renameDevice(userId, id, name);
    return {};
  },
);

/** DELETE /devices/{deviceId} */
export const deleteDevice = endpoint(
  { ...oneDevice, id: 'deleteDevice', method: 'DELETE', body: Type.Object({ auth: Auth }) },
  async (needs: { accounts: Accounts }, request) => {
    const id = request.params.deviceId;
    await needs.accounts.confirm(request.session, `delete device ${id}`, request.body.auth);
    await needs.accounts.endDevices(request.session.userId, [deviceId(id)]);
    return {};
  },
);

/** POST /delete_devices */
export const deleteDevices = endpoint(
  {
    id: 'deleteDevices',
    method: 'POST',
    paths: clientPaths('/delete_devices'),
    auth: 'user',
    body: Type.Object({ devices: Type.Array(Type.String(), { maxItems: 1_000 }), auth: Auth }),
  },
  async (needs: { accounts: Accounts }, request) => {
    const { devices, auth } = request.body;
    await needs.accounts.confirm(request.session, `delete devices ${[...devices].sort().join(' ')}`, auth);
    await needs.accounts.endDevices(request.session.userId, devices.map(deviceId));
    return {};
  },
);

function deviceBody(device: DeviceRow): JsonObject {
  const body: JsonObject = { device_id: device.device_id };
  if (device.display_name !== null) body.display_name = device.display_name;
  if (device.last_seen_at !== null) body.last_seen_ts = device.last_seen_at;
  if (device.last_seen_ip !== null) body.last_seen_ip = device.last_seen_ip;
  return body;
}

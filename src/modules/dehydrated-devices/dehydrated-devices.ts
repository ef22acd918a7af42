import { assertNoCrossSigningKey } from '../../accounts/device-ids.ts';
import type { Sessions } from '../../accounts/sessions.ts';
import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, invalidParam, notFound } from '../../protocol/matrix-error.ts';
import { streamToken, parseStreamToken } from '../../rooms/reading/stream-token.ts';
import { commitDecided } from '../../storage/commit-decided.ts';
import type { Database } from '../../storage/database.ts';
import { commitOrRefuse } from '../../storage/guarded-commit.ts';
import * as dehydratedDevicesStore from '../../storage/encryption/dehydrated-devices-store.ts';
import * as devicesStore from '../../storage/accounts/devices-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { DeviceKeys, DeviceLists, OneTimeKeys } from '../end-to-end-encryption/index.ts';
import type { ToDevice } from '../to-device/index.ts';

/** A dehydrated device as its owner uploads it. */
export interface DehydratedUpload {
  readonly deviceId: DeviceId;
  readonly deviceData: JsonObject;
  readonly displayName: string | undefined;
  readonly deviceKeys: JsonObject;
  readonly oneTimeKeys: Readonly<Record<string, string | JsonObject>>;
  readonly fallbackKeys: Readonly<Record<string, string | JsonObject>>;
}

/** A device that receives keys while its owner has no client (MSC3814). It is a device without an access token. */
export class DehydratedDevices {
  readonly #database: Database;
  readonly #sessions: Sessions;
  readonly #keys: DeviceKeys;
  readonly #oneTimeKeys: OneTimeKeys;
  readonly #lists: DeviceLists;
  readonly #toDevice: ToDevice;

  constructor(needs: {
    database: Database;
    sessions: Sessions;
    deviceKeys: DeviceKeys;
    oneTimeKeys: OneTimeKeys;
    deviceLists: DeviceLists;
    toDevice: ToDevice;
  }) {
    this.#database = needs.database;
    this.#sessions = needs.sessions;
    this.#keys = needs.deviceKeys;
    this.#oneTimeKeys = needs.oneTimeKeys;
    this.#lists = needs.deviceLists;
    this.#toDevice = needs.toDevice;
  }

  /** Sets the user's dehydrated device; the one before is deleted. 400 when the ID is that of another device or a key. */
  async put(userId: UserId, upload: DehydratedUpload): Promise<void> {
    await commitDecided(this.#database, () => this.#unitToPut(userId, upload));
  }

  async #unitToPut(userId: UserId, upload: DehydratedUpload): Promise<UnitOfWork> {
    const { deviceId } = upload;
    const before = await dehydratedDevicesStore.ofUser(this.#database, userId);
    const isAgain = before?.device_id === deviceId;
    if (!isAgain && (await devicesStore.byId(this.#database, userId, deviceId))) {
      throw invalidParam('A device of this ID is there already: a dehydrated device needs one of its own');
    }
    await assertNoCrossSigningKey(this.#database, userId, deviceId);
    const unit = new UnitOfWork();
    if (before && !isAgain) await this.#end(unit, userId, before.device_id as DeviceId);
    devicesStore.put(unit, userId, deviceId, upload.displayName);
    const device = { userId, deviceId };
    const isSame = await this.#keys.putIdentity(unit, device, upload.deviceKeys);
    const owner = isSame ? 'same' : 'new';
    // Nobody has the private parts of keys that the device has no more.
    const { oneTimeKeys, fallbackKeys } = upload;
    this.#oneTimeKeys.replace(unit, device, { oneTimeKeys, fallbackKeys, owner });
    dehydratedDevicesStore.put(unit, userId, {
      device_id: deviceId,
      device_data: JSON.stringify(upload.deviceData),
    });
    return unit;
  }

  /** The user's dehydrated device. 404 when there is none. */
  async get(userId: UserId): Promise<{ device_id: string; device_data: JsonObject }> {
    const row = await dehydratedDevicesStore.ofUser(this.#database, userId);
    if (!row) throw notFound('You have no dehydrated device');
    return { device_id: row.device_id, device_data: JSON.parse(row.device_data) as JsonObject };
  }

  /** Deletes the user's dehydrated device. 404 when there is none. */
  async remove(userId: UserId): Promise<string> {
    const { device_id: deviceId } = await this.get(userId);
    const unit = new UnitOfWork();
    dehydratedDevicesStore.remove(unit, userId, deviceId as DeviceId);
    await this.#end(unit, userId, deviceId as DeviceId);
    await commitOrRefuse(this.#database, unit, () => notFound('You have no dehydrated device'));
    return deviceId;
  }

  async #end(unit: UnitOfWork, userId: UserId, deviceId: DeviceId): Promise<void> {
    this.#sessions.end(unit, userId, deviceId);
    await this.#lists.announce(unit, userId, [{ ended: deviceId }]);
  }

  /** A page of the messages that the dehydrated device got, as JSON text. They stay until the device is deleted. */
  async messages(userId: UserId, deviceId: DeviceId, from: string | undefined): Promise<string> {
    const row = await dehydratedDevicesStore.ofUser(this.#database, userId);
    if (row?.device_id !== deviceId) throw forbidden('This is not your dehydrated device');
    const after = from === undefined || from === '' ? 0 : parseStreamToken(from);
    const upTo = this.#database.position();
    const page = await this.#toDevice.waiting(userId, deviceId, { after, upTo });
    return `{"events":[${page.messages.join(',')}],"next_batch":"${streamToken(page.upTo ?? upTo)}"}`;
  }
}

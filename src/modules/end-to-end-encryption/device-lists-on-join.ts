import type { EduExchange } from '../../federation/edu-exchange.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { RoomReads } from '../../rooms/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import * as deviceKeysStore from '../../storage/device-keys-store.ts';
import * as streamsStore from '../../storage/device-list-streams-store.ts';
import * as devicesStore from '../../storage/devices-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { withSignatures } from './key-signatures.ts';

/** Devices that servers are told of; who has more has their list fetched when it is needed. */
const MOST_DEVICES = 100;

/**
 * Tells servers that a user begins to share a room with of the devices that the user has (Server-Server API, "Device
 * Management"): so far they got no updates of them.
 */
export class DeviceListsOnJoin {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #exchange: EduExchange;

  constructor(needs: { database: Database; rooms: RoomReads; exchange: EduExchange }) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.#exchange = needs.exchange;
  }

  /** The user joined a room. Servers that are in another room of the user's know the devices already. */
  async announce(userId: UserId, joined: RoomId): Promise<void> {
    const servers = await this.#exchange.servers.of(joined);
    if (servers.length === 0) return;
    const others = [...(await this.#rooms.joinedRooms(userId))].filter((roomId) => roomId !== joined);
    const told = await this.#exchange.serversOf(others);
    const fresh = servers.filter((server) => !told.has(server));
    if (fresh.length === 0) return;
    const unit = new UnitOfWork();
    for (const content of await this.#updates(userId)) {
      this.#exchange.store(unit, fresh, 'm.device_list_update', content);
    }
    await this.#database.commit(unit);
  }

  /** The devices as they are: they follow no update, and bear the number of the newest. */
  async #updates(userId: UserId): Promise<JsonObject[]> {
    const devices = (await devicesStore.ofUser(this.#database, userId)).slice(0, MOST_DEVICES);
    const keys = new Map<string, string>();
    for (const row of await deviceKeysStore.ofUser(this.#database, userId)) keys.set(row.device_id, row.keys);
    const signatures = await deviceKeysStore.signatures(this.#database, userId, userId);
    const streamId = await streamsStore.newestOf(this.#database, userId);
    return devices.map((device) => {
      const { device_id: deviceId, display_name: name } = device;
      const content: JsonObject = { user_id: userId, device_id: deviceId, stream_id: streamId, prev_id: [] };
      if (name !== null) content.device_display_name = name;
      const text = keys.get(deviceId);
      if (text !== undefined) {
        content.keys = withSignatures(JSON.parse(text) as JsonObject, deviceId, signatures);
      }
      return content;
    });
  }
}

import type { EduExchange } from '../../federation/edu-exchange.ts';
import { announceStored } from '../../federation/sending/federation-sender.ts';
import type { DeviceId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { PartialRooms } from '../../rooms/state/partial-rooms.ts';
import type { Writer } from '../../storage/database.ts';
import * as streamsStore from '../../storage/encryption/device-list-streams-store.ts';
import * as untoldJoinsStore from '../../storage/federation/untold-joins-store.ts';

/** What changes of a user's devices and keys, as other servers are told. */
export type KeyUpdate =
  | {
      readonly deviceId: DeviceId;
      /** Identity keys with signatures; undefined for a device without. */
      readonly keys: JsonObject | undefined;
      readonly displayName: string | undefined;
    }
  | { readonly ended: DeviceId }
  | { readonly masterKey: JsonObject | undefined; readonly selfSigningKey: JsonObject | undefined };

/** Tells other servers of changes of people's devices and keys here (Server-Server API, "Device Management"). */
export class DeviceListEdus {
  readonly #exchange: EduExchange;
  readonly #partial: PartialRooms;

  constructor(exchange: EduExchange, partial: PartialRooms) {
    this.#exchange = exchange;
    this.#partial = partial;
  }

  /**
   * Adds the updates to a unit of work, for the servers in the user's rooms. Of a room whose members are yet to come it is
   * noted that there may be more.
   */
  async write(
    unit: Writer,
    userId: UserId,
    rooms: Iterable<RoomId>,
    updates: readonly KeyUpdate[],
  ): Promise<void> {
    if (updates.length === 0) return;
    const servers = [...(await this.#exchange.serversOf(rooms))];
    for (const roomId of rooms) {
      if (this.#partial.isPartial(roomId)) untoldJoinsStore.note(unit, userId, roomId);
    }
    for (const update of updates) {
      if (!('masterKey' in update)) {
        const text = JSON.stringify(contentOf(userId, update));
        const position = unit.position();
        for (const server of servers) streamsStore.keepFor(unit, server, userId, text, position);
        streamsStore.advance(unit, userId, position);
        announceStored(unit, servers, position);
        continue;
      }
      this.#exchange.store(unit, servers, 'm.signing_key_update', signingKeyUpdate(userId, update));
    }
  }
}

/** What other servers are told of a user's keys for cross-signing. */
export function signingKeyUpdate(
  userId: UserId,
  keys: { readonly masterKey: JsonObject | undefined; readonly selfSigningKey: JsonObject | undefined },
): JsonObject {
  const content: JsonObject = { user_id: userId };
  if (keys.masterKey) content.master_key = keys.masterKey;
  if (keys.selfSigningKey) content.self_signing_key = keys.selfSigningKey;
  return content;
}

/** The content but for its numbers. */
function contentOf(
  userId: UserId,
  update: Exclude<KeyUpdate, { masterKey: JsonObject | undefined }>,
): JsonObject {
  const isEnd = 'ended' in update;
  const content: JsonObject = {
    user_id: userId,
    device_id: isEnd ? update.ended : update.deviceId,
  };
  if (isEnd) content.deleted = true;
  else {
    if (update.keys) content.keys = update.keys;
    if (update.displayName !== undefined) content.device_display_name = update.displayName;
  }
  return content;
}

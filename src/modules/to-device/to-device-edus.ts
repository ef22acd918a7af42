import { hash } from 'node:crypto';
import { userOf, type EduExchange } from '../../federation/edu-exchange.ts';
import { parseUserId, type UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { badJson } from '../../protocol/matrix-error.ts';
import type { ToDevice } from './to-device.ts';

const LONGEST_ID = 255;

/**
 * Takes messages of other servers to devices here (Server-Server API, "Send-to-device messaging"). Each message ID of a
 * server is taken once.
 */
export function receiveToDevice(toDevice: ToDevice, exchange: EduExchange): void {
  exchange.on('m.direct_to_device', async (origin, content) => {
    const sender = userOf(origin, content.sender);
    const { type, message_id: messageId, messages } = content;
    if (typeof type !== 'string' || typeof messageId !== 'string' || !isJsonObject(messages)) {
      throw badJson('"type", "message_id" and "messages" must be given');
    }
    if (Math.max(type.length, messageId.length) > LONGEST_ID) throw badJson('An identifier is too long');
    const forUsers = new Map<UserId, Record<string, JsonObject>>();
    for (const [user, devices] of Object.entries(messages)) {
      const userId = parseUserId(user);
      if (userId === undefined || !exchange.isOwn(userId) || !isJsonObject(devices)) continue;
      const valid = Object.entries(devices).filter((entry): entry is [string, JsonObject] =>
        isJsonObject(entry[1]),
      );
      forUsers.set(userId, Object.fromEntries(valid));
    }
    const key = hash('sha256', `${origin.length} ${origin}${messageId}`, 'buffer');
    await toDevice.deliver({ sender, type, key }, forUsers);
  });
}

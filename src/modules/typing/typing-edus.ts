import { roomOf, userOf, type EduExchange } from '../../federation/edu-exchange.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import type { Typing } from './typing.ts';

/** Tells other servers who types here, and believes them who types there (Server-Server API, "Typing Notifications"). */
export function exchangeTyping(
  typing: Typing,
  exchange: EduExchange,
  { database, rooms }: { database: Database; rooms: RoomReads },
): void {
  database.subscribe((changes) => {
    for (const change of changes) {
      if (change.topic !== 'typing') continue;
      const { roomId, userId, until } = change.data as JsonObject;
      if (!exchange.isOwn(userId as UserId)) continue;
      const content = { room_id: roomId, user_id: userId, typing: Number(until) > 0 };
      const edu = { type: 'm.typing', key: `typing ${String(roomId)} ${String(userId)}`, content };
      exchange.sendToRooms([roomId as RoomId], edu, change.isOwn);
    }
  });
  exchange.on('m.typing', async (origin, content) => {
    const userId = userOf(origin, content.user_id);
    const roomId = roomOf(content.room_id);
    if (!(await exchange.mayBeJoined(rooms, roomId, userId))) return;
    if (!(await exchange.allows(roomId, origin))) return;
    await typing.note(userId, roomId, content.typing === true);
  });
}

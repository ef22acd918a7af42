import { userOf, type EduExchange } from '../../federation/edu-exchange.ts';
import {
  parseEventId,
  parseRoomId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import { extraOf, isTooMuch } from './receipt-extra.ts';
import type { Receipts } from './receipts.ts';

/** Receipts of one EDU that are taken; more are dropped. */
const MOST = 500;

/** Tells other servers what was read here, and believes them what was read there (Server-Server API, "Receipts"). */
export function exchangeReceipts(
  receipts: Receipts,
  exchange: EduExchange,
  { database, rooms }: { database: Database; rooms: RoomReads },
): void {
  database.subscribe((changes) => {
    for (const change of changes) {
      const [roomId, userId] = [change.rooms[0], change.users[0]];
      if (change.topic !== 'receipt' || roomId === undefined || userId === undefined) continue;
      const { eventId, threadId, ts, extra } = change.data as JsonObject;
      if (typeof eventId !== 'string' || !exchange.isOwn(userId)) continue;
      const data: JsonObject = { ...(isJsonObject(extra) ? extra : {}), ts };
      if (typeof threadId === 'string') data.thread_id = threadId;
      const content = { [roomId]: { 'm.read': { [userId]: { data, event_ids: [eventId] } } } };
      const key = `receipt ${roomId} ${userId} ${String(threadId)}`;
      const group = data.thread_id;
      const edu = { type: 'm.receipt', key, content, ...(typeof group === 'string' ? { group } : {}) };
      exchange.sendToRooms([roomId], edu, change.isOwn);
    }
  });
  exchange.on('m.receipt', async (origin, content) => {
    let left = MOST;
    for (const [room, types] of Object.entries(content)) {
      const read = isJsonObject(types) ? types['m.read'] : undefined;
      const roomId = parseRoomId(room);
      if (roomId === undefined || !isJsonObject(read) || !(await exchange.allows(roomId, origin))) continue;
      for (const [user, receipt] of Object.entries(read)) {
        if (--left < 0) return;
        const isJoined = (userId: UserId) => exchange.mayBeJoined(rooms, roomId, userId);
        await take(receipts, { origin, roomId, user, isJoined }, receipt);
      }
    }
  });
}

/** Moves one user's receipts. Those for events that are not known, or of users who are not joined, are dropped. */
async function take(
  receipts: Receipts,
  {
    origin,
    roomId,
    user,
    isJoined,
  }: { origin: ServerName; roomId: RoomId; user: string; isJoined: (userId: UserId) => Promise<boolean> },
  receipt: JsonValue | undefined,
): Promise<void> {
  if (!isJsonObject(receipt) || !Array.isArray(receipt.event_ids)) return;
  const data = isJsonObject(receipt.data) ? receipt.data : {};
  const threadId = typeof data.thread_id === 'string' ? data.thread_id : undefined;
  const told = typeof data.ts === 'number' ? Math.floor(data.ts) : undefined;
  const ts = Number.isSafeInteger(told) && Number(told) >= 0 ? told : undefined;
  const said = extraOf(data);
  const extra = said && isTooMuch(said) ? undefined : said;
  const last = receipt.event_ids.at(-1);
  const eventId = typeof last === 'string' ? parseEventId(last) : undefined;
  if (eventId === undefined) return;
  try {
    const userId: UserId = userOf(origin, user);
    if (!(await isJoined(userId))) return;
    await receipts.note(userId, roomId, { type: 'm.read', eventId, threadId, ts, extra });
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
  }
}

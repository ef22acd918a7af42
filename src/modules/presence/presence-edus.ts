import { userOf, type EduExchange } from '../../federation/edu-exchange.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { RoomReads } from '../../rooms/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import type { PresenceState } from './attendance.ts';
import type { Presence } from './presence.ts';

/** People of one EDU who are taken; more are dropped. */
const MOST = 100;
const STATES: readonly unknown[] = ['online', 'unavailable', 'offline'] satisfies PresenceState[];
const ACTIVE_MS = 60_000;

/** Tells other servers who is here, and believes them who is there (Server-Server API, "Presence"). */
export function exchangePresence(
  presence: Presence,
  exchange: EduExchange,
  { database, rooms, clock }: { database: Database; rooms: RoomReads; clock: { now(): number } },
): void {
  database.subscribe((changes) => {
    for (const change of changes) {
      if (change.topic !== 'presence') continue;
      const { userId, presence: state, statusMsg, lastActiveAt } = change.data as JsonObject;
      if (typeof userId !== 'string' || typeof state !== 'string') continue;
      if (!exchange.isOwn(userId as UserId)) continue;
      const ago = Math.max(0, clock.now() - Number(lastActiveAt));
      const told: JsonObject = { user_id: userId, presence: state, last_active_ago: ago };
      if (state === 'online') told.currently_active = ago < ACTIVE_MS;
      if (typeof statusMsg === 'string') told.status_msg = statusMsg;
      const edu = { type: 'm.presence', key: `presence ${userId}`, content: { push: [told] } };
      exchange.sendToRooms(change.rooms, edu, change.local === true);
    }
  });
  exchange.on('m.presence', async (origin, content) => {
    for (const told of (Array.isArray(content.push) ? content.push : []).slice(0, MOST)) {
      if (!isJsonObject(told) || !STATES.includes(told.presence)) continue;
      const userId = userOf(origin, told.user_id);
      if ((await rooms.joinedRooms(userId)).size === 0) continue;
      const ago = typeof told.last_active_ago === 'number' ? Math.max(0, told.last_active_ago) : 0;
      await presence.note(userId, {
        presence: told.presence as PresenceState,
        statusMsg: typeof told.status_msg === 'string' ? told.status_msg : undefined,
        lastActiveAt: Math.floor(clock.now() - ago),
      });
    }
  });
}

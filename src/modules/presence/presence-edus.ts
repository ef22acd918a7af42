import type { EduExchange } from '../../federation/edu-exchange.ts';
import { parseUserId, serverNameOf, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import * as presenceListsStore from '../../storage/accounts/presence-lists-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { PresenceState } from './attendance.ts';
import type { Presence } from './presence.ts';

/** People of one EDU who are taken; more are dropped. */
const MOST = 100;
/** Characters of a status message that is taken in, as many as people here may set; a longer one is left out. */
const MOST_OF_STATUS = 4_096;
const STATES: readonly unknown[] = [
  'free_for_chat',
  'online',
  'unavailable',
  'offline',
] satisfies PresenceState[];

interface Needs {
  readonly database: Database;
  readonly rooms: RoomReads;
  readonly clock: { now(): number };
}

/**
 * Tells other servers who is here, and believes them who is there (Server-Server API, "Presence"), in the same rooms and, as
 * in 2015, for those who have somebody in their presence list.
 */
export function exchangePresence(presence: Presence, exchange: EduExchange, needs: Needs): void {
  const { database } = needs;
  database.subscribe((changes) => {
    for (const change of changes) {
      if (change.topic !== 'presence') continue;
      const { userId, presence: state, servers } = change.data as JsonObject;
      if (typeof userId !== 'string' || typeof state !== 'string') continue;
      if (!exchange.isOwn(userId as UserId)) continue;
      const told = presence.news(userId as UserId);
      if (!told) continue;
      const edu = { type: 'm.presence', key: `presence ${userId}` };
      const isLocal = change.isOwn;
      exchange.sendToRooms(change.rooms, { ...edu, content: { push: [told] } }, isLocal);
      if (!Array.isArray(servers)) continue;
      const then = { ...edu, content: { push: [pushOf2015(told)] } };
      exchange.sendSoon(servers as ServerName[], then, isLocal);
    }
  });
  exchange.on('m.presence', async (origin, { push, poll, unpoll }) => {
    for (const told of listOf(push)) if (isJsonObject(told)) await believe(presence, needs, origin, told);
    for (const userId of ownUsers(exchange, unpoll)) {
      const unit = new UnitOfWork();
      presenceListsStore.removeAt(unit, origin, userId);
      await database.commit(unit);
    }
    const answer: JsonObject[] = [];
    for (const userId of ownUsers(exchange, poll)) {
      if (!(await mayPoll(exchange, needs, origin, userId))) continue;
      answer.push(pushOf2015(await presence.toServers(userId)));
    }
    if (answer.length === 0) return;
    // No change tells of it: kept, it also reaches the process that sends to the server.
    const unit = new UnitOfWork();
    await exchange.storeAnswer(unit, origin, 'm.presence', { push: answer });
    await database.commit(unit);
  });
}

/** An operation as servers know it that ask by lists or by `poll`: to be free for chat was a state of its own. */
function pushOf2015({ free_for_chat: isFree, ...told }: JsonObject): JsonObject {
  return isFree === true ? { ...told, presence: 'free_for_chat' } : told;
}

/** Takes in what a server tells of one of its users, where somebody here is concerned. Of others it may not tell anything. */
async function believe(
  presence: Presence,
  { database, rooms, clock }: Needs,
  origin: ServerName,
  told: JsonObject,
): Promise<void> {
  if (!STATES.includes(told.presence)) return;
  const userId = typeof told.user_id === 'string' ? parseUserId(told.user_id) : undefined;
  if (userId === undefined || serverNameOf(userId) !== origin) return;
  const isAround = (await rooms.joinedRooms(userId)).size > 0;
  if (!isAround && (await presenceListsStore.observers(database, userId)).length === 0) return;
  const ago = typeof told.last_active_ago === 'number' ? Math.max(0, told.last_active_ago) : 0;
  const now = clock.now();
  const isFree = told.presence === 'online' && told.free_for_chat === true;
  await presence.note(userId, {
    presence: isFree ? 'free_for_chat' : (told.presence as PresenceState),
    statusMsg: statusOf(told),
    lastActiveAt: ago <= now ? Math.floor(now - ago) : now,
  });
}

function statusOf({ status_msg: text }: JsonObject): string | undefined {
  return typeof text === 'string' && text.length <= MOST_OF_STATUS ? text : undefined;
}

/** A server is told of users who are in the list of one of its own, or in a room with one. */
async function mayPoll(
  exchange: EduExchange,
  { database, rooms }: Needs,
  origin: ServerName,
  userId: UserId,
): Promise<boolean> {
  const observers = await presenceListsStore.observers(database, userId);
  if (observers.some((row) => row.accepted === 1 && row.observer_server === origin)) return true;
  return (await exchange.serversOf(await rooms.joinedRooms(userId))).has(origin);
}

function ownUsers(exchange: EduExchange, value: JsonValue | undefined): UserId[] {
  return listOf(value).flatMap((one) => {
    const userId = typeof one === 'string' ? parseUserId(one) : undefined;
    return userId !== undefined && exchange.isOwn(userId) ? [userId] : [];
  });
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value.slice(0, MOST) : [];
}

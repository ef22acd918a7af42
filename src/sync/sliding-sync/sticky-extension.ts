import type { RoomId } from '../../protocol/identifiers.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import type { Answering } from './room-view.ts';
import type { SlidingSyncNeeds } from './sliding-sync-needs.ts';
import type { StreamWish } from './sliding-sync-options.ts';

/** The most that an answer holds, whatever the client wishes; and of a room that was joined, of which all are due. */
const MOST = 100;
const MOST_OF_NEW_ROOM = 1_000;

/**
 * Sticky events of all rooms that the user is in, the oldest first (MSC4480, which is MSC4354 for sliding sync). Of rooms
 * that were joined since the last answer all are told that are still sticky.
 */
export async function stickyExtension(
  needs: SlidingSyncNeeds,
  wish: StreamWish,
  answering: Answering,
): Promise<string | undefined> {
  const { userId, deviceId, recent, upTo, ignored, now } = answering;
  const limit = Math.min(wish.limit, MOST);
  const found: StoredEvent[] = [];
  const due: StoredEvent[] = [];
  for (const { roomId, membership, position } of (await needs.memberships.ofUser(userId)).values()) {
    if (membership !== 'join' || !needs.stickyEvents.mayBeIn(roomId)) continue;
    const isNew = wish.since === undefined || position > wish.since;
    if (!isNew && !recent.roomChangedSince(roomId, wish.since, 'sticky')) continue;
    if (isNew)
      due.push(...(await needs.stickyEvents.between(roomId, { after: 0, upTo, limit: MOST_OF_NEW_ROOM })));
    else found.push(...(await needs.stickyEvents.between(roomId, { after: wish.since, upTo, limit })));
  }
  const next = found.sort((a, b) => a.position - b.position).slice(0, limit);
  const wanted = [...due, ...next].filter((event) => !ignored.has(event.sender));
  // Where a whole page is of people whom the user ignores, the next answer goes on behind it.
  if (wanted.length === 0 && next.length < limit) return undefined;
  const rooms = new Map<RoomId, StoredEvent[]>();
  for (const event of wanted) rooms.set(event.roomId, [...(rooms.get(event.roomId) ?? []), event]);
  const parts: string[] = [];
  for (const [roomId, events] of rooms) {
    const texts = await needs.clientEvents.bundledTexts(events, { userId, deviceId, now });
    parts.push(`${JSON.stringify(roomId)}:{"events":[${texts.join(',')}]}`);
  }
  // Where there are more, the next answer goes on behind the last of these.
  const last = next.length < limit ? undefined : next.at(-1);
  return `{"next_batch":"${last?.position ?? upTo}","rooms":{${parts.join(',')}}}`;
}

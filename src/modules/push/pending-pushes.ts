import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { LoggedEvent, RoomReads } from '../../rooms/reading/room-reads.ts';
import type { PushRow } from '../../storage/push/pushes-store.ts';
import type { Receipts } from '../receipts/index.ts';
import type { PushEvents } from './push-events.ts';

/** Knows whether what is to be pushed still wants to be told. */
export class PendingPushes {
  readonly #rooms: RoomReads;
  readonly #receipts: Receipts;
  readonly #events: PushEvents;

  constructor(rooms: RoomReads, receipts: Receipts, events: PushEvents) {
    this.#rooms = rooms;
    this.#receipts = receipts;
    this.#events = events;
  }

  /** The event to tell of; undefined when it was read or redacted meanwhile, or the user is no longer in its room. */
  async event(push: PushRow): Promise<LoggedEvent | undefined> {
    const event = await this.#rooms.event(push.event_id as EventId);
    if (!event || event.redactedBy !== undefined) return undefined;
    const [userId, roomId] = [push.user_id as UserId, push.room_id as RoomId];
    const membership = await this.#rooms.membership(roomId, userId);
    if (membership?.membership === 'invite') return event;
    if (membership?.membership !== 'join') return undefined;
    const isInvite = event.type === 'm.room.member' && event.stateKey === userId;
    if (isInvite && event.content.membership === 'invite') return undefined;
    return (await this.#isRead(userId, event)) ? undefined : event;
  }

  async #isRead(userId: UserId, event: LoggedEvent): Promise<boolean> {
    const read = await this.#receipts.readPositions(userId, event.roomId);
    if (event.position <= read.unthreaded) return true;
    if (read.threads.size === 0) return false;
    const { thread } = await this.#events.of(event);
    return event.position <= (read.threads.get(thread) ?? -Infinity);
  }
}

import { boundedCache } from '../../platform/bounded-cache.ts';
import { PowerLevels } from '../../protocol/auth/power-levels.ts';
import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { PushEvent } from '../../protocol/push/push-event.ts';
import { evaluateScopedRules, type PushOutcome } from '../../protocol/push/evaluate-push-rules.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import { MAIN, threadOf } from '../../rooms/event-threads.ts';
import type { LoggedEvent, RoomReads } from '../../rooms/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import type { RulesOverTime } from './push-rules.ts';

/** An event made ready to be judged. */
export interface ReadyEvent {
  readonly push: PushEvent;
  readonly position: number;
  /** `main`, or the ID of the event that begins the event's thread. */
  readonly thread: string;
}

const CACHED = 2_000;
const ROOMS_CACHED = 5_000;

/** Tells which threads people follow (MSC4306). */
export interface ThreadFollowing {
  /** Undefined for a user who never subscribed to any thread. */
  isSubscribed(userId: UserId, roomId: RoomId, rootId: EventId): Promise<boolean | undefined>;
}

/** Events made ready for push rules, once for all who are to be notified of them. */
export class PushEvents {
  readonly #rooms: RoomReads;
  readonly #threads: ThreadFollowing;
  readonly #cache = boundedCache<EventId, ReadyEvent>(CACHED);
  readonly #memberCounts = boundedCache<RoomId, Promise<number>>(ROOMS_CACHED);
  readonly #levels = boundedCache<RoomId, Promise<PowerLevels | undefined>>(ROOMS_CACHED);

  constructor(database: Database, rooms: RoomReads, threads: ThreadFollowing) {
    this.#rooms = rooms;
    this.#threads = threads;
    database.subscribe((changes) => {
      for (const change of changes) {
        if (change.topic === 'reset') {
          this.#memberCounts.clear();
          this.#levels.clear();
        }
        if (change.topic !== 'event' && change.topic !== 'state') continue;
        const { type, membership } = change.data as JsonObject;
        for (const roomId of change.rooms) {
          if (membership !== undefined) this.#memberCounts.delete(roomId);
          if (type === 'm.room.power_levels' || change.topic === 'state') this.#levels.delete(roomId);
        }
      }
    });
  }

  /** The event, made ready. */
  async of(event: LoggedEvent): Promise<ReadyEvent> {
    const known = this.#cache.get(event.eventId);
    if (known) return known;
    const levels = await this.#levelsOf(event.roomId);
    const push = new PushEvent(
      {
        type: event.type,
        sender: event.sender,
        room_id: event.roomId,
        event_id: event.eventId,
        content: event.content,
        ...(event.stateKey === undefined ? {} : { state_key: event.stateKey }),
      },
      {
        memberCount: await this.#memberCount(event.roomId),
        senderMayNotify: (key) =>
          levels !== undefined && levels.userLevel(event.sender) >= levels.notificationLevel(key),
      },
    );
    const ready = { push, position: event.position, thread: await threadOf(this.#rooms, event) };
    this.#cache.set(event.eventId, ready);
    return ready;
  }

  /**
   * What the rules that held for an event say of it.
   *
   * @param position where the user came to know it, if not by the event's own place in the log.
   * @param profileTag that of the pusher that would tell of it.
   */
  async judge(
    ready: ReadyEvent,
    userId: UserId,
    rules: RulesOverTime,
    position = ready.position,
    profileTag?: string,
  ): Promise<PushOutcome> {
    const { global, device: devices } = rules.at(position);
    const device = profileTag === undefined ? undefined : devices.get(profileTag);
    const rulesets = { global, device };
    const roomId = ready.push.roomId as RoomId;
    const isThreadSubscribed =
      ready.thread === MAIN
        ? undefined
        : await this.#threads.isSubscribed(userId, roomId, ready.thread as EventId);
    const context = { event: ready.push, userId, isThreadSubscribed, profileTag };
    const asksDisplayName = global.asksDisplayName || device?.asksDisplayName === true;
    if (!asksDisplayName) return evaluateScopedRules(rulesets, context);
    const member = await this.#rooms.state(roomId, 'm.room.member', userId);
    const displayName = member?.content.displayname;
    if (typeof displayName !== 'string') return evaluateScopedRules(rulesets, context);
    return evaluateScopedRules(rulesets, { ...context, displayName });
  }

  #memberCount(roomId: RoomId): Promise<number> {
    let count = this.#memberCounts.get(roomId);
    if (!count) {
      count = this.#rooms.joinedCount(roomId);
      this.#memberCounts.set(roomId, count);
    }
    return count;
  }

  #levelsOf(roomId: RoomId): Promise<PowerLevels | undefined> {
    let levels = this.#levels.get(roomId);
    if (!levels) {
      levels = this.#readLevels(roomId);
      this.#levels.set(roomId, levels);
    }
    return levels;
  }

  async #readLevels(roomId: RoomId): Promise<PowerLevels | undefined> {
    const create = await this.#rooms.state(roomId, 'm.room.create', '');
    if (!create) return undefined;
    const version = create.content.room_version;
    const levels = await this.#rooms.state(roomId, 'm.room.power_levels', '');
    return new PowerLevels(roomVersion(typeof version === 'string' ? version : '1'), create, levels);
  }
}

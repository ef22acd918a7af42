import { OutgoingError, type OutgoingHttp } from '../../platform/outgoing-http.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { LoggedEvent } from '../../rooms/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import * as pushersStore from '../../storage/pushers-store.ts';
import type { PusherRow } from '../../storage/pushers-store.ts';
import * as pushesStore from '../../storage/pushes-store.ts';
import type { PushRow } from '../../storage/pushes-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { badgeNotification, eventNotification, rejectedKeys } from './gateway-notification.ts';
import type { PendingPushes } from './pending-pushes.ts';
import type { Delivered, PushWay, Shift } from './push-delivery.ts';
import type { PushWording } from './push-wording.ts';
import { removePusher } from './pushers.ts';
import type { UnreadTotals } from './unread-totals.ts';

export interface HttpPushNeeds {
  readonly database: Database;
  readonly outgoing: OutgoingHttp;
  readonly pending: PendingPushes;
  readonly wording: PushWording;
  readonly totals: UnreadTotals;
  readonly clock: { now(): number };
  /** Milliseconds after which an event is pushed no more. */
  readonly giveUpAfterMs: number;
}

type Told = 'accepted' | 'rejected' | 'failed' | 'unreachable';

const TIMEOUT_MS = 10_000;
const MOST_BYTES = 65_536;
/** Events of one pusher that are pushed before others have their turn. */
const MOST_AT_ONCE = 20;

/** Pushers of the kind `http`: they tell push gateways (Push Gateway API). */
export class HttpPush implements PushWay {
  readonly #needs: HttpPushNeeds;

  constructor(needs: HttpPushNeeds) {
    this.#needs = needs;
  }

  async deliver({ user_id, app_id, pushkey }: PusherRow, shift: Shift): Promise<Delivered> {
    const { signal } = shift;
    const { database, clock, giveUpAfterMs } = this.#needs;
    const key = { user_id, app_id, pushkey };
    for (let left = MOST_AT_ONCE; left > 0 && !shift.isEnding; left--) {
      const pusher = await pushersStore.byKey(database, key);
      if (!pusher) return 'settled';
      const [push] = await pushesStore.ofPusher(database, key, 1);
      const before = clock.now() - giveUpAfterMs;
      if (push && (pusher.enabled === 0 || push.created_at < before)) {
        await this.#giveUp(pusher, before);
        continue;
      }
      if (!push) return this.#tellBadge(pusher, signal);
      const told = await this.#tell(pusher, push, signal);
      if (told === 'rejected') return 'settled';
      if (told !== 'accepted') {
        await this.#giveUp(pusher, before);
        return told;
      }
    }
    return 'settled';
  }

  /** Tells of one event, unless there is nothing to tell any more. */
  async #tell(pusher: PusherRow, push: PushRow, signal: AbortSignal): Promise<Told> {
    const event = await this.#needs.pending.event(push);
    if (!event) {
      await this.#settle(pusher, push.position, { position: 0, sentAt: undefined, badge: undefined });
      return 'accepted';
    }
    const { unread, position } = await this.#needs.totals.of(push.user_id as UserId);
    const body = eventNotification(pusher, event, await this.#surroundings(pusher, push, event, unread));
    const told = await this.#post(pusher, body, signal);
    if (told === 'accepted') {
      await this.#settle(pusher, push.position, {
        position,
        badge: unread,
        sentAt: this.#needs.clock.now(),
      });
    }
    return told;
  }

  async #surroundings(pusher: PusherRow, push: PushRow, event: LoggedEvent, unread: number) {
    const { wording } = this.#needs;
    const roomId = push.room_id as RoomId;
    return {
      senderName: await wording.memberName(roomId, event.sender),
      roomName: await wording.roomName(roomId, pusher.user_id as UserId),
      roomAlias: await wording.roomAlias(roomId),
      unread,
      tweaks: JSON.parse(push.tweaks) as JsonObject,
    };
  }

  /** Tells of another count, if it is another. */
  async #tellBadge(pusher: PusherRow, signal: AbortSignal): Promise<Delivered> {
    if (pusher.wants_badge === 0 || pusher.enabled === 0) {
      const nothing = { position: pusher.wants_badge, badge: undefined, sentAt: undefined };
      await this.#settle(pusher, undefined, nothing);
      return 'settled';
    }
    const { unread, position } = await this.#needs.totals.of(pusher.user_id as UserId);
    const isOther = unread !== (pusher.badge ?? 0);
    const told = isOther ? await this.#post(pusher, badgeNotification(pusher, unread), signal) : 'accepted';
    if (told === 'rejected') return 'settled';
    if (told !== 'accepted') return told;
    await this.#settle(pusher, undefined, { position, badge: unread, sentAt: undefined });
    return 'settled';
  }

  async #post(pusher: PusherRow, body: JsonObject, signal: AbortSignal): Promise<Told> {
    const { url } = JSON.parse(pusher.data) as { url: string };
    try {
      const answer = await this.#needs.outgoing.request({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        timeoutMs: TIMEOUT_MS,
        maxBytes: MOST_BYTES,
        signal,
      });
      if (answer.status >= 500 || answer.status === 429) return 'unreachable';
      if (answer.status < 200 || answer.status >= 300) return 'failed';
      if (!rejectedKeys(answer.body.toString('utf8')).includes(pusher.pushkey)) return 'accepted';
    } catch (error) {
      if (error instanceof OutgoingError) return 'unreachable';
      throw error;
    }
    const unit = new UnitOfWork();
    removePusher(unit, pusher);
    await this.#needs.database.commit(unit);
    return 'rejected';
  }

  async #settle(
    pusher: PusherRow,
    told: number | undefined,
    done: { position: number; badge: number | undefined; sentAt: number | undefined },
  ): Promise<void> {
    const unit = new UnitOfWork();
    if (told !== undefined) pushesStore.removeUpTo(unit, pusher, told);
    pushesStore.settle(unit, pusher, { ...done, nextAt: this.#needs.clock.now() });
    await this.#needs.database.commit(unit);
  }

  async #giveUp(pusher: PusherRow, before: number): Promise<void> {
    const unit = new UnitOfWork();
    pushesStore.giveUp(unit, pusher, pusher.enabled === 0 ? Number.MAX_SAFE_INTEGER : before);
    await this.#needs.database.commit(unit);
  }
}

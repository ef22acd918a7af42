import { OutgoingError, type OutgoingHttp } from '../../platform/outgoing-http.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { LoggedEvent } from '../../rooms/reading/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import type { PusherRow } from '../../storage/push/pushers-store.ts';
import * as pushesStore from '../../storage/push/pushes-store.ts';
import type { PushRow } from '../../storage/push/pushes-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import {
  badgeNotification,
  briefNotification,
  fullNotification,
  notificationOf2015,
  rejectedKeys,
} from './gateway-notification.ts';
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

  async deliver(pusher: PusherRow, shift: Shift): Promise<Delivered> {
    const { database, clock, giveUpAfterMs } = this.#needs;
    const before = clock.now() - giveUpAfterMs;
    const pushes = await pushesStore.ofPusher(database, pusher, MOST_AT_ONCE);
    const [oldest] = pushes;
    if (!oldest) return this.#tellBadge(pusher, shift.signal);
    if (pusher.enabled === 0 || oldest.created_at < before) {
      await this.#giveUp(pusher, before);
      return 'settled';
    }
    for (const push of pushes) {
      if (shift.isEnding) break;
      const told = await this.#tell(pusher, push, shift.signal);
      if (told === 'accepted') continue;
      if (told !== 'rejected') await this.#giveUp(pusher, before);
      return told === 'rejected' ? 'settled' : told;
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
    const body = await this.#notification(pusher, push, event, unread);
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

  async #notification(
    pusher: PusherRow,
    push: PushRow,
    event: LoggedEvent,
    unread: number,
  ): Promise<JsonObject> {
    const data = JSON.parse(pusher.data) as JsonObject;
    const tweaks = JSON.parse(push.tweaks) as JsonObject;
    if (data.format === 'event_id_only') return briefNotification(pusher, event, { unread, tweaks });
    const { wording } = this.#needs;
    const roomId = push.room_id as RoomId;
    return fullNotification(pusher, event, {
      senderName: await wording.memberName(roomId, event.sender),
      roomName: await wording.roomName(roomId, pusher.user_id as UserId),
      roomAlias: await wording.roomAlias(roomId),
      unread,
      tweaks,
    });
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
        body: JSON.stringify(pusher.form === '2015' ? notificationOf2015(body) : body),
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

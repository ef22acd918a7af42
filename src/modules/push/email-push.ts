import type { Mailer } from '../../platform/mailer.ts';
import type { RoomId, ServerName, UserId } from '../../protocol/identifiers.ts';
import type { Database } from '../../storage/database.ts';
import * as pushersStore from '../../storage/push/pushers-store.ts';
import type { PusherRow } from '../../storage/push/pushers-store.ts';
import * as pushesStore from '../../storage/push/pushes-store.ts';
import type { PushRow } from '../../storage/push/pushes-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { digestMail, type MissedMessage, type MissedRoom } from './digest-mail.ts';
import type { PendingPushes } from './pending-pushes.ts';
import type { Delivered, PushWay, Shift } from './push-delivery.ts';
import type { PushWording } from './push-wording.ts';

/** Where the page is that ends mail. */
export const UNSUBSCRIBE_PAGE = '/_myelin/push/unsubscribe';

export interface EmailPushNeeds {
  readonly database: Database;
  readonly mailer: Mailer;
  readonly pending: PendingPushes;
  readonly wording: PushWording;
  readonly clock: { now(): number };
  readonly serverName: ServerName;
  /** Address of this server, without a slash at its end. */
  readonly baseUrl: string;
  readonly intervalMs: number;
  /** Milliseconds after which an event is pushed no more. */
  readonly giveUpAfterMs: number;
  readonly onSendingFailed: (error: unknown) => void;
}

/** Events that one mail tells of at most, the newest. */
const MOST_OF_MAIL = 200;

/** Pushers of the kind `email`: a mail, after a while, tells of what is still unread then. */
export class EmailPush implements PushWay {
  readonly #needs: EmailPushNeeds;

  constructor(needs: EmailPushNeeds) {
    this.#needs = needs;
  }

  async deliver(key: PusherRow, { signal }: Shift): Promise<Delivered> {
    const { database, clock, intervalMs } = this.#needs;
    const pusher = await pushersStore.byKey(database, key);
    if (!pusher) return 'settled';
    const now = clock.now();
    const mayAt = (pusher.sent_at ?? -Infinity) + intervalMs;
    if (mayAt > now) {
      await this.#postpone(pusher, mayAt);
      return 'settled';
    }
    const wanted = pusher.enabled === 0 ? [] : await pushesStore.newestOfPusher(database, key, MOST_OF_MAIL);
    const rooms = await this.#missed(wanted);
    if (rooms.length > 0 && !(await this.#send(pusher, rooms, signal))) {
      await this.#giveUp(pusher, now - this.#needs.giveUpAfterMs);
      return 'unreachable';
    }
    const sentAt = rooms.length > 0 ? now : undefined;
    const upTo = pusher.enabled === 0 ? Number.MAX_SAFE_INTEGER : wanted.at(-1)?.position;
    await this.#settle(pusher, upTo, { sentAt, nextAt: now + (sentAt === undefined ? 0 : intervalMs) });
    return 'settled';
  }

  /** What is still unread, by room. */
  async #missed(pushes: readonly PushRow[]): Promise<MissedRoom[]> {
    const { pending, wording } = this.#needs;
    const rooms = new Map<string, { name: string; roomId: RoomId; messages: MissedMessage[] }>();
    for (const push of pushes) {
      const event = await pending.event(push);
      if (!event) continue;
      const roomId = push.room_id as RoomId;
      let room = rooms.get(roomId);
      if (!room) {
        const name = (await wording.roomName(roomId, push.user_id as UserId)) ?? roomId;
        rooms.set(roomId, (room = { name, roomId, messages: [] }));
      }
      room.messages.push({ sender: await wording.memberName(roomId, event.sender), event });
    }
    return [...rooms.values()];
  }

  async #send(pusher: PusherRow, rooms: readonly MissedRoom[], signal: AbortSignal): Promise<boolean> {
    const { mailer, serverName, baseUrl } = this.#needs;
    const token = encodeURIComponent(pusher.unsubscribe_token ?? '');
    const unsubscribeLink = `${baseUrl}${UNSUBSCRIBE_PAGE}?token=${token}`;
    try {
      await mailer.send(digestMail({ to: pusher.pushkey, serverName, rooms, unsubscribeLink }), signal);
      return true;
    } catch (error) {
      this.#needs.onSendingFailed(error);
      return false;
    }
  }

  async #settle(
    pusher: PusherRow,
    upTo: number | undefined,
    done: { sentAt: number | undefined; nextAt: number },
  ): Promise<void> {
    const unit = new UnitOfWork();
    if (upTo !== undefined) pushesStore.removeUpTo(unit, pusher, upTo);
    pushesStore.settle(unit, pusher, { ...done, badge: undefined, position: Number.MAX_SAFE_INTEGER });
    await this.#needs.database.commit(unit);
  }

  async #postpone(pusher: PusherRow, at: number): Promise<void> {
    const unit = new UnitOfWork();
    pushesStore.postpone(unit, pusher, pusher.failures, at);
    await this.#needs.database.commit(unit);
  }

  async #giveUp(pusher: PusherRow, before: number): Promise<void> {
    const unit = new UnitOfWork();
    pushesStore.giveUp(unit, pusher, before);
    await this.#needs.database.commit(unit);
  }
}

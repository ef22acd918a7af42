import { nextTurn } from '../../platform/next-turn.ts';
import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { PushOutcome } from '../../protocol/push/evaluate-push-rules.ts';
import type { LoggedEvent, RoomReads } from '../../rooms/reading/room-reads.ts';
import type { PushRow } from '../../storage/push/pushes-store.ts';
import type { PusherRow } from '../../storage/push/pushers-store.ts';
import { joinedSince } from './joined-since.ts';
import type { PushEvents } from './push-events.ts';
import type { PushRecipients } from './push-recipients.ts';
import type { PushRules } from './push-rules.ts';

/** Users after whom requests get their turn. */
const USERS_AT_ONCE = 100;

/** An event to decide on. */
export interface EventToPush {
  /** Its place in the log. */
  readonly position: number;
  readonly roomId: RoomId;
  readonly eventId: EventId;
  /** Whom it invites, if it does. */
  readonly invited: UserId | undefined;
}

/** A pusher has to tell of an event. */
export interface DecidedPush extends Omit<PushRow, 'created_at'> {
  readonly kind: string;
}

/** Decides which pushers have to tell of an event (Client-Server API, "Push Notifications": server behaviour). */
export class PushDecision {
  readonly #rooms: RoomReads;
  readonly #events: PushEvents;
  readonly #rules: PushRules;
  readonly #recipients: PushRecipients;
  readonly #ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  readonly #isInviteHidden: (invited: UserId, inviter: UserId) => Promise<boolean>;

  constructor(needs: {
    rooms: RoomReads;
    events: PushEvents;
    rules: PushRules;
    recipients: PushRecipients;
    ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
    isInviteHidden: (invited: UserId, inviter: UserId) => Promise<boolean>;
  }) {
    this.#rooms = needs.rooms;
    this.#events = needs.events;
    this.#rules = needs.rules;
    this.#recipients = needs.recipients;
    this.#ignoredUsers = needs.ignoredUsers;
    this.#isInviteHidden = needs.isInviteHidden;
  }

  /** The pushers that have to tell of the event. */
  async of(place: EventToPush): Promise<DecidedPush[]> {
    const users = new Set(await this.#recipients.inRoom(place.roomId));
    if (place.invited !== undefined) users.add(place.invited);
    if (users.size === 0) return [];
    const event = await this.#rooms.event(place.eventId);
    if (!event || event.redactedBy !== undefined) return [];
    const decided: DecidedPush[] = [];
    let count = 0;
    for (const userId of users) {
      count += 1;
      if (count % USERS_AT_ONCE === 0) await nextTurn();
      if (userId !== event.sender) decided.push(...(await this.#ofUser(userId, place, event)));
    }
    return decided;
  }

  async #ofUser(userId: UserId, place: EventToPush, event: LoggedEvent): Promise<DecidedPush[]> {
    const { position, roomId, eventId } = place;
    const all = await this.#recipients.ofUser(userId);
    if (all.length === 0) this.#recipients.hasNone(roomId, userId);
    const pushers = all.filter((one) => one.enabled !== 0 && one.since < position);
    if (pushers.length === 0 || !(await this.#concerns(userId, place, event))) return [];
    const ready = await this.#events.of(event);
    const rules = await this.#rules.overTime(userId);
    const decided: DecidedPush[] = [];
    for (const [tag, tagged] of Map.groupBy(pushers, (pusher) => pusher.profile_tag)) {
      const outcome = await this.#events.judge(ready, userId, rules, position, tag ?? undefined);
      if (!outcome.notify) continue;
      for (const pusher of tagged) decided.push(pushOf(pusher, { position, roomId, eventId }, outcome));
    }
    return decided;
  }

  /** Whether the user was in the room at the event, or is invited by it, and hears its sender. */
  async #concerns(userId: UserId, place: EventToPush, event: LoggedEvent): Promise<boolean> {
    if ((await this.#ignoredUsers(userId)).has(event.sender)) return false;
    const membership = await this.#rooms.membership(place.roomId, userId);
    if (place.invited === userId) {
      return membership?.membership === 'invite' && !(await this.#isInviteHidden(userId, event.sender));
    }
    if (membership?.membership !== 'join') return false;
    if (membership.position < place.position) return true;
    return (await joinedSince(this.#rooms, membership)) < place.position;
  }
}

function pushOf(
  pusher: PusherRow,
  place: { position: number; roomId: RoomId; eventId: EventId },
  outcome: PushOutcome,
): DecidedPush {
  return {
    user_id: pusher.user_id,
    app_id: pusher.app_id,
    pushkey: pusher.pushkey,
    kind: pusher.kind,
    position: place.position,
    room_id: place.roomId,
    event_id: place.eventId,
    tweaks: JSON.stringify(outcome.tweaks),
  };
}

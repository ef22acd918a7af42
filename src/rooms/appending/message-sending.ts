import { hash } from 'node:crypto';
import { KeyedQueue } from '../../platform/keyed-queue.ts';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import { parseUserId, serverNameOf, type EventId, type RoomId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Database, Writer } from '../../storage/database.ts';
import * as eventTransactionsStore from '../../storage/rooms/event-transactions-store.ts';
import type { Session } from '../../wire/session.ts';
import { assertGuestsAllowed, touchesGuestAccess } from '../membership/guest-access.ts';
import type { InviteRules } from '../membership/invitations.ts';
import { annotated, checkRelation } from '../relations/relation-checks.ts';
import type { CanonicalAliasRule } from './canonical-alias-rule.ts';
import type { EventDraft } from './event-draft.ts';
import type { RemoteInvites } from '../membership/remote-invites.ts';
import type { RoomWriter } from './room-writer.ts';

/** A message event as a client sends it. */
export interface MessageToSend {
  readonly roomId: RoomId;
  readonly type: string;
  readonly content: JsonObject;
  /** Absent where the client does not mean to send it again: each call sends an event then. */
  readonly txnId?: string;
  /** The endpoint that the client asked: `redact` has the redacted event in its path. That for messages, if absent. */
  readonly endpoint?: 'send' | 'redact';
  /** For redactions. */
  readonly redacts?: EventId;
  /** Milliseconds, where an application service says when it happened; now, if absent. */
  readonly originServerTs?: number;
  /** For how long it is to be sticky (MSC4354), in ms. */
  readonly stickyMs?: number;
}

/** A state event as a client sets it. */
export interface StateToSet {
  readonly roomId: RoomId;
  readonly type: string;
  readonly stateKey: string;
  readonly content: JsonObject;
  /** Milliseconds, where an application service says when it happened; now, if absent. */
  readonly originServerTs?: number;
  /** For how long it is to be sticky (MSC4354), in ms. */
  readonly stickyMs?: number;
}

/** Who sends: a user, from a device. */
export type Sender = Pick<Session, 'userId' | 'deviceId' | 'deviceMadeAt'> &
  Partial<Pick<Session, 'isGuest'>>;

/** A request by which an event is sent once: what it is remembered by, and the client's name for it. */
interface Transaction {
  readonly key: Buffer;
  readonly txnId: string;
}

/**
 * Adds to the unit of work that keeps an event; with the ID that the client is told. May be called again on another
 * unit when the first could not be committed.
 */
type Also = (unit: Writer, eventId: EventId) => void;

/** Sends what clients write into rooms (Client-Server API, "Sending events to a room"). */
export class MessageSending {
  readonly #database: Database;
  readonly #writer: RoomWriter;
  readonly #invites: InviteRules;
  readonly #onGuestAccessTouched: ((roomId: RoomId) => Promise<void>)[] = [];
  readonly #remoteInvites: RemoteInvites;
  readonly #canonicalAlias: CanonicalAliasRule;
  /** Requests under way by transaction, so that a retry waits for the first instead of sending again. */
  readonly #underWay = new Map<string, Promise<EventId>>();
  /** One person's annotations of one event are sent one after the other, so that none is a duplicate unnoticed. */
  readonly #annotations = new KeyedQueue();

  constructor(needs: {
    database: Database;
    writer: RoomWriter;
    invites: InviteRules;
    remoteInvites: RemoteInvites;
    canonicalAlias: CanonicalAliasRule;
  }) {
    this.#database = needs.database;
    this.#writer = needs.writer;
    this.#invites = needs.invites;
    this.#remoteInvites = needs.remoteInvites;
    this.#canonicalAlias = needs.canonicalAlias;
  }

  /**
   * Sends a message event, with a transaction ID once: the same device, endpoint and transaction ID give the same event.
   *
   * @param also what else belongs into the unit of work that sends it.
   * @throws MatrixError 403 when the auth rules refuse it, what `checkRelation` throws, 413 M_TOO_LARGE.
   */
  async send(session: Sender, message: MessageToSend, also: Also = () => undefined): Promise<EventId> {
    const { txnId } = message;
    const parent = annotated(message.content);
    const inTurn = (send: () => Promise<EventId>) =>
      parent === undefined ? send() : this.#annotations.run(`${session.userId} ${parent}`, send);
    if (txnId === undefined) return inTurn(() => this.#append(session, message, { also }));
    const key = transactionKey(session, message, txnId);
    const name = key.toString('latin1');
    const underWay = this.#underWay.get(name);
    if (underWay) return underWay;
    const sent = inTurn(() => this.#sendOnce(session, message, { transaction: { key, txnId }, also }));
    const sending = sent.finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, sending);
    return sending;
  }

  /** What has to happen when a room may let guests in no more. */
  onGuestAccessTouched(listener: (roomId: RoomId) => Promise<void>): void {
    this.#onGuestAccessTouched.push(listener);
  }

  /**
   * Sets a state event. The same content by the same sender gives the event that is there already.
   *
   * @throws MatrixError 403 when the auth rules refuse it, 413 M_TOO_LARGE, and what `CanonicalAliasRule` throws.
   */
  async setState(session: Sender, change: StateToSet, also: Also = () => undefined): Promise<EventId> {
    const { type, stateKey } = change;
    const content = type === 'm.room.member' ? withoutVoucher(change.content) : change.content;
    if (type === 'm.room.member' && content.membership === 'invite') {
      const target = parseUserId(stateKey);
      if (target) await this.#invites.assertInvitable(target, session.userId);
      if (target && serverNameOf(target) !== this.#invites.serverName) {
        const invite = { sender: session.userId, roomId: change.roomId, target, content };
        return this.#remoteInvites.invite(invite, also);
      }
    }
    const confirmed =
      type === 'm.room.canonical_alias' && (await this.#canonicalAlias.confirmedElsewhere(change));
    let touchesGuests = false;
    const eventId = await this.#writer.append(change.roomId, async (room, unit) => {
      const before = await room.stateEvent(type, stateKey);
      const isSame = before?.sender === session.userId && sameJson(before.content, content);
      if (before && isSame && change.stickyMs === undefined) {
        also(unit, before.eventId);
        return before.eventId;
      }
      if (type === 'm.room.member' && before && stateKey === session.userId && content.membership === 'leave')
        this.#invites.assertDeclinable(before);
      const isJoin = type === 'm.room.member' && stateKey === session.userId && content.membership === 'join';
      if (isJoin && session.isGuest === true && before?.content.membership !== 'join')
        await assertGuestsAllowed(room);
      if (confirmed) await this.#canonicalAlias.assertPointing(change, before?.content, confirmed);
      const draft = { type, stateKey, content, sender: session.userId };
      const event = await room.add({ ...draft, ...timesOf(change) });
      also(unit, event.eventId);
      touchesGuests = touchesGuestAccess(room);
      return event.eventId;
    });
    if (touchesGuests) await this.#guestAccessTouched(change.roomId);
    return eventId;
  }

  async #guestAccessTouched(roomId: RoomId): Promise<void> {
    for (const listener of this.#onGuestAccessTouched) await listener(roomId);
  }

  async #sendOnce(
    session: Sender,
    message: MessageToSend,
    { transaction, also }: { transaction: Transaction; also: Also },
  ): Promise<EventId> {
    return (await this.#doneBy(transaction)) ?? this.#append(session, message, { transaction, also });
  }

  async #doneBy({ key }: Transaction): Promise<EventId | undefined> {
    return (await eventTransactionsStore.byKey(this.#database, key))?.event_id as EventId | undefined;
  }

  async #append(
    session: Sender,
    message: MessageToSend,
    { transaction, also }: { transaction?: Transaction; also: Also },
  ): Promise<EventId> {
    let isAgain = false;
    let touchesGuests = false;
    const eventId = await this.#writer.append(message.roomId, async (room, unit) => {
      // Another process was first: with the same request, perhaps.
      const done = isAgain && transaction && (await this.#doneBy(transaction));
      if (done) return done;
      isAgain = true;
      const { type, content, redacts } = message;
      await checkRelation(this.#database, { sender: session.userId, type, content });
      const draft: EventDraft = {
        type,
        content,
        sender: session.userId,
        ...(transaction && { transaction: { deviceId: session.deviceId, txnId: transaction.txnId } }),
        ...(redacts === undefined ? {} : { redacts }),
        ...timesOf(message),
      };
      const event = await room.add(draft);
      also(unit, event.eventId);
      if (transaction) room.transactionKey = transaction.key;
      touchesGuests = touchesGuestAccess(room);
      return event.eventId;
    });
    if (touchesGuests) await this.#guestAccessTouched(message.roomId);
    return eventId;
  }
}

/**
 * Transactions are scoped to device and endpoint with its path (Client-Server API, "Transaction identifiers"). Who logs out
 * and in again with the same device ID has a new device, whose transactions begin anew.
 */
function transactionKey(session: Sender, message: MessageToSend, txnId: string): Buffer {
  const { endpoint = 'send' } = message;
  const scope = [
    session.userId,
    session.deviceId ?? '',
    session.deviceMadeAt,
    endpoint,
    message.roomId,
    endpoint === 'redact' ? (message.redacts ?? '') : message.type,
    txnId,
  ];
  return hash('sha256', JSON.stringify(scope), 'buffer').subarray(0, 16);
}

function sameJson(a: JsonObject, b: JsonObject): boolean {
  return canonicalJson(a, { strict: false }) === canonicalJson(b, { strict: false });
}

function timesOf({
  originServerTs,
  stickyMs,
}: Pick<EventDraft, 'originServerTs' | 'stickyMs'>): Pick<EventDraft, 'originServerTs' | 'stickyMs'> {
  return {
    ...(originServerTs === undefined ? {} : { originServerTs }),
    ...(stickyMs === undefined ? {} : { stickyMs }),
  };
}

/** Who vouches for a join is for the servers to say: a client's word for it would let anybody into a restricted room. */
function withoutVoucher(content: JsonObject): JsonObject {
  if (!('join_authorised_via_users_server' in content)) return content;
  const { join_authorised_via_users_server: _claimed, ...rest } = content;
  return rest;
}

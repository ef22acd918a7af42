import { checkAuth } from '../protocol/auth/auth-rules.ts';
import { authTypesFor } from '../protocol/auth/auth-types.ts';
import { canonicalJson } from '../protocol/canonical-json.ts';
import { stateKeyOf, type Pdu, type RoomEvent, type StateKey } from '../protocol/events/event.ts';
import { serverNameOf, type EventId, type RoomId, type UserId } from '../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../protocol/json.ts';
import { forbidden, invalidParam, MatrixError } from '../protocol/matrix-error.ts';
import type { Reader } from '../storage/database.ts';
import type { EventRow } from '../storage/events-store.ts';
import { eventReferences } from './event-references.ts';
import type { EventSigner } from './event-signer.ts';
import { prepareRedaction, type PreparedRedaction } from './redactions.ts';
import type { HeadPoint, RoomHead } from './room-head.ts';
import { joinedBy, serverMoveOf, type ServerMove } from './server-moves.ts';
import type { NewNode, StateTries } from './state-trie.ts';
import { rootToBytes, StoredEvent } from './stored-event.ts';
import { encodeTransaction, type ClientTransaction } from './client-transaction.ts';

/** An event that someone on this server wants to send. */
export interface EventDraft {
  readonly type: string;
  readonly sender: UserId;
  readonly content: JsonObject;
  /** Absent for message events. */
  readonly stateKey?: string;
  /** For redactions: the event to redact. Written where the room version wants it. */
  readonly redacts?: EventId;
  /** Milliseconds; now, if absent. */
  readonly originServerTs?: number;
  /** The device and transaction ID of the request, to be shown to that device again. */
  readonly transaction?: ClientTransaction;
}

/** What a transaction needs of the server. */
export interface TransactionNeeds {
  readonly reader: Reader;
  readonly tries: StateTries;
  readonly signer: EventSigner;
  readonly clock: { now(): number };
}

/**
 * New events of one room, decided one after the other against the head and kept as a whole or not at all. The head
 * itself moves only when the transaction is handed to the database.
 */
export class RoomTransaction {
  readonly head: RoomHead;
  readonly events: StoredEvent[] = [];
  readonly state = new Map<StateKey, StoredEvent>();
  readonly nodes: NewNode[] = [];
  readonly redactions: PreparedRedaction[] = [];
  /** Those of the events that this server sends to the others in the room. */
  readonly outgoing = new Set<StoredEvent>();
  /** How the events change which servers are in the room. */
  readonly serverMoves: ServerMove[] = [];
  point: HeadPoint;
  /** Names the client's transaction, whose retry is to give the first event of this one. */
  transactionKey: Uint8Array | undefined = undefined;
  readonly #needs: TransactionNeeds;

  constructor(head: RoomHead, needs: TransactionNeeds) {
    this.head = head;
    this.point = { ...head.point };
    this.#needs = needs;
  }

  get roomId(): RoomId {
    return this.head.roomId;
  }

  /** One entry of the state as it is after the events added so far. */
  async stateEvent(type: string, stateKey: string): Promise<StoredEvent | undefined> {
    const added = this.state.get(stateKeyOf(type, stateKey));
    return added ?? this.head.state(this.#needs.reader, type, stateKey);
  }

  /** The user's membership after the events added so far. */
  async membership(userId: UserId): Promise<string> {
    const membership = (await this.stateEvent('m.room.member', userId))?.content.membership;
    return typeof membership === 'string' ? membership : 'leave';
  }

  /**
   * Adds an event on top of the room.
   *
   * @throws MatrixError 403 M_FORBIDDEN when the auth rules refuse it, 413 M_TOO_LARGE when it is over the limits.
   */
  async add(draft: EventDraft): Promise<StoredEvent> {
    assertNoNul(draft);
    assertFewSignatures(draft);
    const { version } = this.head;
    const authEvents = await this.#authEvents(draft);
    const pdu = await this.#pdu(draft, [...authEvents.values()]);
    await this.#authorise(pdu, draft, authEvents);
    const signed = this.#needs.signer.sign(pdu, version);
    const stateKey = draft.stateKey;
    const replaced = stateKey === undefined ? undefined : await this.stateEvent(draft.type, stateKey);
    if (stateKey !== undefined) await this.#moveState(draft.type, stateKey, signed.eventId);
    const event = new StoredEvent(this.#row(draft, signed, replaced), signed.pdu.content);
    if (stateKey !== undefined) {
      this.state.set(stateKeyOf(draft.type, stateKey), event);
      if (draft.type === 'm.room.member') this.#countMembers(replaced, event);
    }
    event.hasAggregations = false;
    this.events.push(event);
    this.outgoing.add(event);
    this.point.extremities = [event.eventId];
    this.point.depth = signed.pdu.depth;
    if (event.redacts !== undefined) {
      const redaction = await prepareRedaction(this.#needs.reader, this, event, event.redacts);
      if (redaction) this.redactions.push(redaction);
    }
    return event;
  }

  async #authEvents(draft: EventDraft): Promise<Map<StateKey, StoredEvent>> {
    const found = new Map<StateKey, StoredEvent>();
    const needed = authTypesFor(this.head.version, {
      type: draft.type,
      stateKey: draft.stateKey,
      sender: draft.sender,
      content: draft.content,
    });
    for (const [type, stateKey] of needed) {
      const event = await this.stateEvent(type, stateKey);
      if (event) found.set(stateKeyOf(type, stateKey), event);
    }
    return found;
  }

  async #pdu(draft: EventDraft, authEvents: readonly StoredEvent[]): Promise<Pdu> {
    const { version, roomId } = this.head;
    const { reader } = this.#needs;
    const known = (eventId: EventId) =>
      this.events.find((event) => event.eventId === eventId) ?? this.head.pending(eventId);
    const authIds = authEvents.map((event) => event.eventId);
    const pdu: Pdu = {
      auth_events: await eventReferences(reader, version, authIds, known),
      content: draft.content,
      depth: Math.min(this.point.depth + 1, Number.MAX_SAFE_INTEGER),
      origin_server_ts: draft.originServerTs ?? this.#needs.clock.now(),
      prev_events: await eventReferences(reader, version, this.point.extremities, known),
      sender: draft.sender,
      type: draft.type,
    };
    if (!(version.roomIdIsCreateHash && draft.type === 'm.room.create')) pdu.room_id = roomId;
    if (draft.stateKey !== undefined) pdu.state_key = draft.stateKey;
    if (draft.redacts !== undefined) {
      if (version.updatedRedaction) pdu.content = { ...draft.content, redacts: draft.redacts };
      else pdu.redacts = draft.redacts;
    }
    return pdu;
  }

  async #authorise(
    pdu: Pdu,
    draft: EventDraft,
    authEvents: ReadonlyMap<StateKey, StoredEvent>,
  ): Promise<void> {
    const create = await this.stateEvent('m.room.create', '');
    const candidate: RoomEvent = {
      eventId: `$candidate:${serverNameOf(draft.sender)}` as EventId,
      roomId: this.roomId,
      type: draft.type,
      stateKey: draft.stateKey,
      sender: draft.sender,
      content: pdu.content,
      originServerTs: pdu.origin_server_ts,
      depth: pdu.depth,
      authEventIds: [...authEvents.values()].map((event) => event.eventId),
      prevEventIds: this.point.extremities,
      redacts: draft.redacts,
    };
    const result = checkAuth(this.head.version, candidate, (type, stateKey) =>
      type === 'm.room.create' ? create : authEvents.get(stateKeyOf(type, stateKey)),
    );
    if (!result.allowed) throw forbidden(result.reason);
  }

  async #moveState(type: string, stateKey: string, eventId: EventId): Promise<void> {
    const { root, nodes } = await this.#needs.tries.set(this.point.root, [
      [stateKeyOf(type, stateKey), eventId],
    ]);
    this.point.root = root;
    this.nodes.push(...nodes);
  }

  #row(
    draft: EventDraft,
    signed: { eventId: EventId; pdu: Pdu },
    replaced: StoredEvent | undefined,
  ): EventRow {
    if (this.point.root === undefined) {
      throw new MatrixError(400, 'M_UNKNOWN', 'A room begins with its m.room.create event');
    }
    const { pdu } = signed;
    const envelope: JsonObject = {};
    for (const key of Object.keys(pdu)) {
      if (!COLUMN_KEYS.has(key)) envelope[key] = pdu[key];
    }
    const strict = this.head.version.strictCanonicalJson;
    return {
      position: Number.NaN,
      event_id: signed.eventId,
      room_id: this.roomId,
      type: draft.type,
      state_key: draft.stateKey ?? null,
      sender: draft.sender,
      origin_server_ts: pdu.origin_server_ts,
      content: canonicalJson(pdu.content, { strict }),
      envelope: canonicalJson(envelope, { strict }),
      state_root: rootToBytes(this.point.root),
      replaces: replaced?.eventId ?? null,
      redacted_by: null,
      txn: draft.transaction ? encodeTransaction(draft.transaction) : null,
    };
  }

  #countMembers(before: StoredEvent | undefined, after: StoredEvent): void {
    const was = isJsonObject(before?.content) ? before.content.membership : undefined;
    const is = after.content.membership;
    this.point.joinedCount += Number(is === 'join') - Number(was === 'join');
    this.point.invitedCount += Number(is === 'invite') - Number(was === 'invite');
    const move = serverMoveOf(this.#needs.signer.serverName, after.stateKey as UserId, was, is);
    if (move === undefined) return;
    this.serverMoves.push(move);
    this.point.remoteJoined += joinedBy(move);
  }
}

/** Keys, and signatures, of a third-party invite. */
const MOST_KEYS = 8;

/** Keys of a PDU that have columns of their own in the table of events. */
const COLUMN_KEYS: ReadonlySet<string> = new Set([
  'content',
  'event_id',
  'origin_server_ts',
  'room_id',
  'sender',
  'state_key',
  'type',
]);

/** NUL separates type and state key where both are one key. */
function assertNoNul(draft: EventDraft): void {
  if (!draft.type.includes('\0') && draft.stateKey?.includes('\0') !== true) return;
  throw invalidParam('The type and the state key of an event must not hold the character NUL');
}

/**
 * A third-party invite is checked with each key of the room against each of its signatures: of what people of this server
 * send, both must be few.
 */
function assertFewSignatures({ type, content }: EventDraft): void {
  const { third_party_invite: invite, public_keys: keys } = content;
  const tooManyKeys = type === 'm.room.third_party_invite' && Array.isArray(keys) && keys.length > MOST_KEYS;
  const signed = isJsonObject(invite) && isJsonObject(invite.signed) ? invite.signed : {};
  const servers = isJsonObject(signed.signatures) ? Object.values(signed.signatures) : [];
  const count = servers.reduce<number>(
    (sum, one) => sum + (isJsonObject(one) ? Object.keys(one).length : 0),
    0,
  );
  if (!tooManyKeys && count <= MOST_KEYS) return;
  throw invalidParam(`A third-party invite may have ${MOST_KEYS} keys and ${MOST_KEYS} signatures`);
}

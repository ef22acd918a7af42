import { authTypesFor } from '../protocol/auth/auth-types.ts';
import { MAX_PREV_EVENTS } from '../protocol/events/event-format.ts';
import { STICKY_KEY } from '../protocol/events/sticky-event.ts';
import { stateKeyOf, type Pdu, type RoomEvent, type StateKey } from '../protocol/events/event.ts';
import { serverNameOf, type EventId } from '../protocol/identifiers.ts';
import { badJson, forbidden } from '../protocol/matrix-error.ts';
import { checkDraft, type EventDraft } from './event-draft.ts';
import { eventReferences } from './event-references.ts';
import type { RoomTransaction } from './room-transaction.ts';
import type { StoredEvent } from './stored-event.ts';

/** An event on top of a room, before it is signed. */
export interface DraftedPdu {
  readonly pdu: Pdu;
  readonly authEvents: readonly StoredEvent[];
  /** The events that it follows. */
  readonly prevEvents: readonly EventId[];
}

/**
 * Makes of a draft the event that it would be if it were added to the room now, and checks that the room allows it.
 *
 * @throws MatrixError 403 M_FORBIDDEN when the auth rules refuse it, 400 for what they would refuse in any state and for
 *   what `checkDraft` refuses.
 */
export async function draftedPdu(room: RoomTransaction, draft: EventDraft): Promise<DraftedPdu> {
  checkDraft(draft);
  const found = await authEventsOf(room, draft);
  const authEvents = [...found.values()];
  const prevEvents = room.point.extremities.slice(-MAX_PREV_EVENTS);
  const pdu = await pduOf(room, draft, authEvents, prevEvents);
  await authorise(room, pdu, draft, found);
  return { pdu, authEvents, prevEvents };
}

async function authEventsOf(room: RoomTransaction, draft: EventDraft): Promise<Map<StateKey, StoredEvent>> {
  const found = new Map<StateKey, StoredEvent>();
  const { type, stateKey, sender, content } = draft;
  for (const needed of authTypesFor(room.head.version, { type, stateKey, sender, content })) {
    const event = await room.stateEvent(...needed);
    if (event) found.set(stateKeyOf(...needed), event);
  }
  return found;
}

async function pduOf(
  room: RoomTransaction,
  draft: EventDraft,
  authEvents: readonly StoredEvent[],
  prevEvents: readonly EventId[],
): Promise<Pdu> {
  const { version, roomId } = room.head;
  const { reader, clock } = room.needs;
  const known = (eventId: EventId) => room.uncommittedEvent(eventId);
  const authIds = authEvents.map((event) => event.eventId);
  const pdu: Pdu = {
    auth_events: await eventReferences(reader, version, authIds, known),
    content: draft.content,
    depth: Math.min(room.point.depth + 1, Number.MAX_SAFE_INTEGER),
    origin_server_ts: draft.originServerTs ?? clock.now(),
    prev_events: await eventReferences(reader, version, prevEvents, known),
    sender: draft.sender,
    type: draft.type,
  };
  if (!(version.roomIdIsCreateHash && draft.type === 'm.room.create')) pdu.room_id = roomId;
  if (draft.stickyMs !== undefined) pdu[STICKY_KEY] = { duration_ms: draft.stickyMs };
  if (draft.stateKey !== undefined) pdu.state_key = draft.stateKey;
  if (draft.redacts !== undefined) {
    if (version.updatedRedaction) pdu.content = { ...draft.content, redacts: draft.redacts };
    else pdu.redacts = draft.redacts;
  }
  return pdu;
}

async function authorise(
  room: RoomTransaction,
  pdu: Pdu,
  draft: EventDraft,
  authEvents: ReadonlyMap<StateKey, StoredEvent>,
): Promise<void> {
  const create = await room.stateEvent('m.room.create', '');
  const candidate: RoomEvent = {
    eventId: `$candidate:${serverNameOf(draft.sender)}` as EventId,
    roomId: room.roomId,
    type: draft.type,
    stateKey: draft.stateKey,
    sender: draft.sender,
    content: pdu.content,
    originServerTs: pdu.origin_server_ts,
    depth: pdu.depth,
    authEventIds: [...authEvents.values()].map((event) => event.eventId),
    prevEventIds: room.point.extremities,
    redacts: draft.redacts,
  };
  const result = room.needs.rules.checkAuth(room.head.version, candidate, (type, stateKey) =>
    type === 'm.room.create' ? create : authEvents.get(stateKeyOf(type, stateKey)),
  );
  if (!result.allowed) throw result.malformed ? badJson(result.reason) : forbidden(result.reason);
}

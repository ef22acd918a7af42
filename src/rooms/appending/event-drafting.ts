import { authTypesFor } from '../../protocol/auth/auth-types.ts';
import { MAX_PREV_EVENTS } from '../../protocol/events/event-format.ts';
import { STICKY_KEY } from '../../protocol/events/sticky-event.ts';
import { stateKeyOf, type Pdu, type RoomEvent, type StateKey } from '../../protocol/events/event.ts';
import { serverNameOf, type EventId } from '../../protocol/identifiers.ts';
import { badJson, forbidden } from '../../protocol/matrix-error.ts';
import { checkDraft, type EventDraft } from './event-draft.ts';
import { stateAfterAll } from './event-judgement.ts';
import { eventReferences } from '../events/event-references.ts';
import type { RoomTransaction } from './room-transaction.ts';
import type { StateRoot, StoredEvent } from '../events/stored-event.ts';

/** What a new event stands on. */
export interface Footing {
  /** The events that it follows: the ends of the room, as many as an event may name. */
  readonly prevEvents: readonly EventId[];
  /** Whether those are all ends. */
  readonly isWhole: boolean;
  /** The state after them; undefined before the first event. */
  readonly root: StateRoot | undefined;
  /** One entry of that state. */
  state(type: string, stateKey: string): Promise<StoredEvent | undefined>;
}

/** An event on top of a room, before it is signed. */
export interface DraftedPdu {
  readonly pdu: Pdu;
  readonly authEvents: readonly StoredEvent[];
  readonly footing: Footing;
}

/**
 * Makes of a draft the event that it would be if it were added to the room now, and checks that the room allows it.
 *
 * @throws MatrixError 403 M_FORBIDDEN when the auth rules refuse it, 400 for what they would refuse in any state and for
 *   what `checkDraft` refuses.
 */
export async function draftedPdu(room: RoomTransaction, draft: EventDraft): Promise<DraftedPdu> {
  checkDraft(draft);
  const footing = await footingOf(room);
  const found = await authEventsOf(room, footing, draft);
  const authEvents = [...found.values()];
  const pdu = await pduOf(room, draft, authEvents, footing.prevEvents);
  await authorise(room, pdu, draft, found);
  return { pdu, authEvents, footing };
}

/** Others judge an event by the state after those that it follows: where these are not all ends, not by the present one. */
async function footingOf(room: RoomTransaction): Promise<Footing> {
  const { extremities, root } = room.point;
  const prevEvents = extremities.slice(-MAX_PREV_EVENTS);
  const isWhole = prevEvents.length === extremities.length;
  if (isWhole) return { prevEvents, isWhole, root, state: (type, key) => room.stateEvent(type, key) };
  const part = await stateAfterAll(room, prevEvents);
  const state = async (type: string, stateKey: string) => {
    const eventId = await room.needs.tries.get(part, stateKeyOf(type, stateKey));
    return eventId === undefined ? undefined : room.event(eventId);
  };
  return { prevEvents, isWhole, root: part, state };
}

async function authEventsOf(
  room: RoomTransaction,
  footing: Footing,
  draft: EventDraft,
): Promise<Map<StateKey, StoredEvent>> {
  const found = new Map<StateKey, StoredEvent>();
  const { type, stateKey, sender, content } = draft;
  for (const needed of authTypesFor(room.head.version, { type, stateKey, sender, content })) {
    const event = await footing.state(...needed);
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

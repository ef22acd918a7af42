import type { CanonicalMember } from '../../protocol/canonical-json.ts';
import { toRoomEvent } from '../../protocol/events/event-format.ts';
import { stateKeyOf, type Pdu, type RoomEvent } from '../../protocol/events/event.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import * as awaitedRedactions from '../../storage/rooms/awaited-redactions-store.ts';
import type { Writer } from '../../storage/database.ts';
import * as historyGaps from '../../storage/rooms/history-gaps-store.ts';
import {
  isIdTaken,
  refusalAtPresent,
  refusalByAuthEvents,
  refusalByKnownState,
  refusalByState,
  stateAfterAll,
} from './event-judgement.ts';
import { authDepthOf, eventOfPdu, type EventPlace } from '../events/event-of-pdu.ts';
import { followedBy } from './followed-events.ts';
import { lacksApproval } from './policy-signing.ts';
import { changePresentState, presentWith } from '../state/present-state.ts';
import { applyRedaction, awaitedRedaction } from './redaction-effects.ts';
import type { RoomTransaction } from './room-transaction.ts';
import type { StateRoot, StoredEvent } from '../events/stored-event.ts';

/** An event of another server whose form, signatures and hash were found in order; redacted if its hash was not. */
export interface ReceivedEvent {
  readonly pdu: Pdu;
  readonly eventId: EventId;
  /** The keys of `pdu`, encoded, where they were for the checks. */
  readonly members?: readonly CanonicalMember[];
}

/** What became of a received event. `known`: it was here already, and was not rejected then. */
export type Verdict =
  | { readonly outcome: 'accepted' | 'known' | 'soft-failed' }
  | { readonly outcome: 'rejected'; readonly reason: string };

const REJECTED_BEFORE: Verdict = {
  outcome: 'rejected',
  reason: 'The event was rejected by the rules of the room before',
};

const ID_TAKEN: Verdict = { outcome: 'rejected', reason: 'An event of another room has its ID' };

/** An event with what was worked out of it. */
interface Judged {
  readonly received: ReceivedEvent;
  readonly event: RoomEvent;
  readonly before: StateRoot;
  readonly after: StateRoot;
}

/**
 * Takes an event of another server into the room (Server-Server API, "Checks performed on receipt of a PDU", from the auth
 * events on): rejected and soft-failed ones are kept beside the timeline. The events that it follows and those that
 * authorise it must be here.
 *
 * @throws EventsMissing when they are not.
 */
export async function receiveEvent(
  room: RoomTransaction,
  unit: Writer,
  received: ReceivedEvent,
): Promise<Verdict> {
  const before = await verdictBefore(room, received.eventId);
  if (before) return before;
  const judged = await judge(room, received, refusalByKnownState);
  if (typeof judged === 'string') return { outcome: 'rejected', reason: judged };
  const { event } = judged;
  // Where nothing was said meanwhile, the state before the event is the present one.
  const isPresent = judged.before === room.point.root;
  const refusal = isPresent ? undefined : await refusalAtPresent(room, event);
  if (refusal !== undefined || (await lacksApproval(room, received.pdu))) {
    room.keepAside(await storedEvent(room, judged, { refused: 'soft-failed', isAside: true }));
    // That others follow it already does not bring it into the timeline.
    historyGaps.close(unit, room.roomId, event.eventId);
    return { outcome: 'soft-failed' };
  }
  if (await isGap(room, event.eventId)) await insertBelow(room, unit, judged, 'end');
  else await appendOnTop(room, unit, judged);
  return { outcome: 'accepted' };
}

/**
 * Takes an event of another server into the history before what is here. Its place is no matter of the present state.
 *
 * @throws EventsMissing as `receiveEvent`.
 */
export async function receiveHistory(
  room: RoomTransaction,
  unit: Writer,
  received: ReceivedEvent,
): Promise<Verdict> {
  const known = await room.event(received.eventId);
  if (known && (!known.isAside || known.refused !== undefined)) {
    historyGaps.close(unit, room.roomId, received.eventId);
    return { outcome: 'known' };
  }
  if (!known && (await isIdTaken(room, received.eventId))) return ID_TAKEN;
  // The state before an event of the history is told with it: it is whole.
  const judged = await judge(room, received, refusalByState, await isFoundation(room, received.eventId));
  if (typeof judged === 'string') {
    historyGaps.close(unit, room.roomId, received.eventId);
    return { outcome: 'rejected', reason: judged };
  }
  await insertBelow(room, unit, judged, 'history');
  return { outcome: 'accepted' };
}

/** What became of an event that needs no second look. What is beside the timeline and was not judged may yet come into it. */
async function verdictBefore(room: RoomTransaction, eventId: EventId): Promise<Verdict | undefined> {
  const known = await room.event(eventId);
  if (!known) return (await isIdTaken(room, eventId)) ? ID_TAKEN : undefined;
  if (known.refused === 'rejected') return REJECTED_BEFORE;
  return !known.isAside || known.refused !== undefined ? { outcome: 'known' } : undefined;
}

/** The event with the states around it, or why it is rejected; then it is kept so. */
async function judge(
  room: RoomTransaction,
  received: ReceivedEvent,
  refusalBy: typeof refusalByKnownState,
  isFoundation = false,
): Promise<Judged | string> {
  const { pdu, eventId } = received;
  const { version } = room.head;
  const event = toRoomEvent(pdu, eventId, version);
  const before = isFoundation
    ? await room.stateWith(undefined, [])
    : ((await stateKnownBefore(room, event)) ?? (await stateAfterAll(room, event.prevEventIds)));
  const reason = (await refusalByAuthEvents(version, event, room)) ?? (await refusalBy(room, event, before));
  if (reason !== undefined) {
    const judged = { received, event, before, after: before };
    room.keepAside(await storedEvent(room, judged, { refused: 'rejected', isAside: true }));
    return reason;
  }
  const { type, stateKey } = event;
  const after =
    stateKey === undefined ? before : await room.stateWith(before, [[stateKeyOf(type, stateKey), eventId]]);
  return { received, event, before, after };
}

/** Whether the timeline follows on the event without having it. */
async function isGap(room: RoomTransaction, eventId: EventId): Promise<boolean> {
  return room.foreknowledge?.isGap(eventId) ?? historyGaps.isOpen(room.needs.reader, room.roomId, eventId);
}

/** Whether an event is the one with which the room began. */
async function isFoundation(room: RoomTransaction, eventId: EventId): Promise<boolean> {
  return (await room.stateEvent('m.room.create', ''))?.eventId === eventId;
}

/** The state before an event that was kept beside the timeline with it. */
async function stateKnownBefore(
  room: RoomTransaction,
  { eventId, type, stateKey }: RoomEvent,
): Promise<StateRoot | undefined> {
  const known = await room.event(eventId);
  if (known?.stateAfter === undefined || stateKey === undefined) return known?.stateAfter;
  return room.stateWith(known.stateAfter, [[stateKeyOf(type, stateKey), known.replaces]]);
}

/** Adds an event that becomes an extremity of the room, and resolves the state anew where the room has forked. */
async function appendOnTop(room: RoomTransaction, unit: Writer, judged: Judged): Promise<void> {
  const { event, before, after } = judged;
  const followed = await followedBy(room, event.prevEventIds);
  const left = room.point.extremities.filter((id) => !followed.includes(id));
  const isLinear = left.length === 0 && before === room.point.root;
  const own = left.length === 0 ? undefined : await storedEvent(room, judged, {});
  const present = own ? await presentWith(room, own, left) : after;
  const stored = await storedEvent(room, judged, { roomRoot: present === after ? undefined : present });
  const effect = await settle(room, unit, judged, { stored, where: 'end' });
  room.append(stored, followed, event.depth);
  room.received.add(stored.eventId);
  if (isLinear && event.stateKey !== undefined) {
    const replaced = await room.stateEvent(event.type, event.stateKey);
    room.setState(stateKeyOf(event.type, event.stateKey), replaced, stored);
  }
  if (isLinear) room.point.root = after;
  else await changePresentState(room, present);
  await effect();
}

/** Adds an event that others in the timeline follow already. */
async function insertBelow(
  room: RoomTransaction,
  unit: Writer,
  judged: Judged,
  where: 'end' | 'history',
): Promise<void> {
  const { root } = room.point;
  const roomRoot = where === 'end' && root !== judged.after ? root : undefined;
  const stored = await storedEvent(room, judged, { roomRoot });
  const effect = await settle(room, unit, judged, { stored, where });
  room.insert(stored, where);
  room.received.add(stored.eventId);
  historyGaps.close(unit, room.roomId, stored.eventId);
  await effect();
}

/** Notes what history before the event is missing. Gives what is to be done once the event is added. */
async function settle(
  room: RoomTransaction,
  unit: Writer,
  { event }: Judged,
  { stored, where }: { stored: StoredEvent; where: 'end' | 'history' },
): Promise<() => Promise<void>> {
  const found = await room.eventsOf(event.prevEventIds);
  for (const id of event.prevEventIds) {
    const prev = found.get(id);
    if (prev && (!prev.isAside || prev.refused !== undefined)) continue;
    historyGaps.open(unit, room.roomId, id, Math.min(event.depth, Number.MAX_SAFE_INTEGER));
  }
  const redaction = await awaitedRedaction(room, unit, stored);
  return async () => {
    if (redaction) await room.redact(redaction, stored.eventId);
    if (event.redacts === undefined) return;
    // While members of the room are yet to come it is not certain that it takes effect, and it could not be undone.
    if (where === 'end' && room.isPartial) {
      awaitedRedactions.remember(unit, event.redacts, event.eventId);
    } else await applyRedaction(room, stored, event.redacts);
  };
}

async function storedEvent(
  room: RoomTransaction,
  { received, event, before, after }: Judged,
  more: Partial<EventPlace>,
): Promise<StoredEvent> {
  const { type, stateKey } = event;
  const isState = stateKey !== undefined;
  const replaces = isState ? await room.needs.tries.get(before, stateKeyOf(type, stateKey)) : undefined;
  const authEvents = isState ? (await room.eventsOf(event.authEventIds)).values() : [];
  const place = {
    eventId: received.eventId,
    roomId: room.roomId,
    authDepth: isState ? authDepthOf(authEvents) : undefined,
    root: after,
    replaces,
    ...more,
  };
  return eventOfPdu(received.pdu, room.head.version, place, received.members);
}

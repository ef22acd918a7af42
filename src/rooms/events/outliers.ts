import { toRoomEvent } from '../../protocol/events/event-format.ts';
import { stateKeyOf, type StateKey } from '../../protocol/events/event.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import { isIdTaken, refusalByAuthEvents, refusalByState } from '../appending/event-judgement.ts';
import { authDepthOf, eventOfPdu } from './event-of-pdu.ts';
import type { ReceivedEvent } from '../appending/event-receipt.ts';
import type { RoomTransaction } from '../appending/room-transaction.ts';
import type { StateRoot } from './stored-event.ts';

/**
 * Keeps an event that is known only as state or as one that authorises others. Those that authorise it must be here; one
 * that they do not authorise is kept as rejected. Nothing is kept where an event of another room has the ID.
 *
 * @throws EventsMissing when they are not here.
 */
export async function keepOutlier(room: RoomTransaction, received: ReceivedEvent): Promise<void> {
  if ((await room.event(received.eventId)) || (await isIdTaken(room, received.eventId))) return;
  await keep(room, received, undefined);
}

/**
 * Keeps an event of which the timeline lacks the history but knows the state before it, so that others can follow it.
 *
 * @throws EventsMissing when events that authorise it are not here.
 */
export async function keepWithState(
  room: RoomTransaction,
  received: ReceivedEvent,
  before: ReadonlyMap<StateKey, EventId>,
): Promise<void> {
  const known = await room.event(received.eventId);
  if (known?.stateAfter !== undefined || (!known && (await isIdTaken(room, received.eventId)))) return;
  await keep(room, received, await stateOf(room, before));
}

/** The state of these entries, made from the room's present one, which it most likely resembles. */
export async function stateOf(
  room: RoomTransaction,
  entries: ReadonlyMap<StateKey, EventId>,
): Promise<StateRoot> {
  const { root } = room.point;
  const changes = new Map<StateKey, EventId | undefined>(entries);
  for (const [key, eventId] of root === undefined ? [] : await room.needs.tries.entries(root)) {
    if (changes.get(key) === eventId) changes.delete(key);
    else if (!changes.has(key)) changes.set(key, undefined);
  }
  return room.stateWith(root, [...changes]);
}

async function keep(
  room: RoomTransaction,
  { pdu, eventId, members }: ReceivedEvent,
  before: StateRoot | undefined,
): Promise<void> {
  const { version } = room.head;
  const event = toRoomEvent(pdu, eventId, version, room.roomId);
  const byAuthEvents = await refusalByAuthEvents(version, event, room);
  const refusal = byAuthEvents ?? (before && (await refusalByState(room, event, before)));
  const { type, stateKey } = event;
  const changes = stateKey !== undefined && refusal === undefined && before !== undefined;
  const after = changes ? await room.stateWith(before, [[stateKeyOf(type, stateKey), eventId]]) : before;
  const key = stateKeyOf(type, stateKey ?? '');
  const replaces = changes ? await room.needs.tries.get(before, key) : undefined;
  const authEvents = (await room.eventsOf(event.authEventIds)).values();
  room.keepAside(
    eventOfPdu(
      pdu,
      version,
      {
        eventId,
        roomId: room.roomId,
        authDepth: authDepthOf(authEvents),
        root: after,
        replaces,
        refused: refusal === undefined ? undefined : 'rejected',
        isAside: true,
      },
      members,
    ),
  );
}

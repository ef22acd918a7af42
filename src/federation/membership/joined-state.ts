import { stateKeyOf, type StateKey } from '../../protocol/events/event.ts';
import { authEventIdsOf, prevEventIdsOf, toRoomEvent } from '../../protocol/events/event-format.ts';
import { roomIdOfCreateId } from '../../protocol/events/event-id.ts';
import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import { EventsMissing, refusalByAuthEvents, refusalByState } from '../../rooms/appending/event-judgement.ts';
import { authDepthOf, eventOfPdu } from '../../rooms/events/event-of-pdu.ts';
import type { ReceivedEvent } from '../../rooms/appending/event-receipt.ts';
import { keepOutlier, stateOf } from '../../rooms/events/outliers.ts';
import { changePresentState } from '../../rooms/state/present-state.ts';
import type { RoomTransaction } from '../../rooms/appending/room-transaction.ts';
import type { StateChange } from '../../rooms/events/room-changes.ts';
import { rootToBytes, type StateRoot } from '../../rooms/events/stored-event.ts';
import type { Writer } from '../../storage/database.ts';
import * as historyGaps from '../../storage/rooms/history-gaps-store.ts';
import * as partialRoomsStore from '../../storage/rooms/partial-rooms-store.ts';
import { inAuthOrder } from '../inbound/event-order.ts';

/** A room as another server gave it to one who joined. Of each event the form, the signatures and the hash are in order. */
export interface JoinedRoom {
  readonly roomId: RoomId;
  readonly version: RoomVersion;
  readonly join: ReceivedEvent;
  readonly state: readonly ReceivedEvent[];
  readonly authChain: readonly ReceivedEvent[];
  /** The other servers in the room, where the state lacks members that are to be fetched. */
  readonly lacksMembersOf: readonly ServerName[] | undefined;
}

/**
 * Writes down a room that a user of this server joined by way of another: its state, what authorises that, and the join as
 * the one event of the timeline. Of the state only what its auth events allow is taken.
 *
 * @throws MatrixError 502 when what the other server gave is no room, or does not let the user in.
 */
export async function writeJoinedRoom(
  room: RoomTransaction,
  unit: Writer,
  joined: JoinedRoom,
): Promise<void> {
  const { roomId, version, join } = joined;
  await keepAll(room, [...joined.authChain, ...joined.state]);
  const entries = await acceptedState(
    room,
    joined.state.map((event) => event.eventId),
  );
  if (joined.lacksMembersOf) await addMembersOfAuthEvents(room, join, entries);
  const before = await stateOf(room, entries);
  await assertFounded(room, joined, before);
  const event = toRoomEvent(join.pdu, join.eventId, version, roomId);
  const reason =
    (await refusalByAuthEvents(version, event, room).catch(missingReason)) ??
    (await refusalByState(room, event, before));
  if (reason !== undefined) throw unusable(`it does not let the user in: ${reason}`);
  const key = stateKeyOf(event.type, event.stateKey ?? '');
  const after = await room.stateWith(before, [[key, join.eventId]]);
  const place = {
    eventId: join.eventId,
    roomId,
    authDepth: authDepthOf((await room.eventsOf(event.authEventIds)).values()),
    root: after,
    replaces: await room.needs.tries.get(before, key),
  };
  const stored = eventOfPdu(join.pdu, version, place, join.members);
  room.point.extremities = [];
  room.append(stored, event.prevEventIds, event.depth);
  room.received.add(join.eventId);
  await changePresentState(room, after);
  if (joined.lacksMembersOf) notePartial(room, unit, joined, { before, after });
  for (const id of prevEventIdsOf(join.pdu)) {
    historyGaps.open(unit, roomId, id, Math.min(event.depth, Number.MAX_SAFE_INTEGER));
  }
}

/** Keeps events beside the timeline, as far as what authorises them is here. Gives those for which it is not. */
export async function keepAll(
  room: RoomTransaction,
  events: readonly ReceivedEvent[],
): Promise<ReceivedEvent[]> {
  const left: ReceivedEvent[] = [];
  for (const event of inAuthOrder(events)) if (!(await keepIfPossible(room, event))) left.push(event);
  return left;
}

/** Members without whom the join could not be judged. */
async function addMembersOfAuthEvents(
  room: RoomTransaction,
  join: ReceivedEvent,
  entries: Map<StateKey, EventId>,
): Promise<void> {
  for (const event of (await room.eventsOf(authEventIdsOf(join.pdu))).values()) {
    if (event.type !== 'm.room.member' || event.stateKey === undefined || event.refused === 'rejected')
      continue;
    const key = stateKeyOf(event.type, event.stateKey);
    if (!entries.has(key)) entries.set(key, event.eventId);
  }
}

function notePartial(
  room: RoomTransaction,
  unit: Writer,
  { roomId, join, lacksMembersOf }: JoinedRoom,
  { before, after }: { before: StateRoot; after: StateRoot },
): void {
  const servers = lacksMembersOf ?? [];
  room.expectUnknownMembers(servers);
  room.point.unsettled = 0;
  const roots = { beforeRoot: rootToBytes(before), joinRoot: rootToBytes(after) };
  partialRoomsStore.insert(unit, { roomId, joinEventId: join.eventId, servers, ...roots });
  const data: StateChange = { version: 0, partial: 'begins' };
  unit.announce({ topic: 'state', position: unit.position(), rooms: [roomId], data });
}

async function keepIfPossible(room: RoomTransaction, event: ReceivedEvent): Promise<boolean> {
  try {
    await keepOutlier(room, event);
    return true;
  } catch (error) {
    if (error instanceof EventsMissing) return false;
    throw error;
  }
}

/** The entries of the state whose events were kept and not rejected. */
export async function acceptedState(
  room: RoomTransaction,
  state: readonly EventId[],
): Promise<Map<StateKey, EventId>> {
  const kept = await room.eventsOf(state);
  const entries = new Map<StateKey, EventId>();
  for (const eventId of state) {
    const event = kept.get(eventId);
    if (!event || event.refused === 'rejected') continue;
    if (event.stateKey === undefined) throw unusable('an event of its state has no state key');
    const key = stateKeyOf(event.type, event.stateKey);
    if (entries.has(key) && entries.get(key) !== eventId) throw unusable('its state has an entry twice');
    entries.set(key, eventId);
  }
  return entries;
}

/** The room must begin with an event of the version that was agreed on. */
async function assertFounded(
  room: RoomTransaction,
  { roomId, version }: JoinedRoom,
  root: Awaited<ReturnType<typeof stateOf>>,
): Promise<void> {
  const id = await room.needs.tries.get(root, stateKeyOf('m.room.create', ''));
  const create = id === undefined ? undefined : await room.event(id);
  if (!create) throw unusable('it has no m.room.create event that can be believed');
  if ((create.content.room_version ?? '1') !== version.id) throw unusable('it is of another room version');
  if (version.roomIdIsCreateHash && roomIdOfCreateId(create.eventId) !== roomId) {
    throw unusable('its m.room.create event is that of another room');
  }
}

function missingReason(error: unknown): string {
  if (error instanceof EventsMissing) return 'what authorises the join is missing';
  throw error;
}

/** The other server gave something that cannot be used. */
export function unusable(why: string): MatrixError {
  return new MatrixError(502, 'M_UNKNOWN', `The room that the other server gave cannot be used: ${why}`);
}

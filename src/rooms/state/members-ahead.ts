import { nextTurn } from '../../platform/next-turn.ts';
import { splitStateKey, stateKeyOf, type StateKey } from '../../protocol/events/event.ts';
import { serverNameOf, type EventId, type UserId } from '../../protocol/identifiers.ts';
import type { Writer } from '../../storage/database.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import * as currentStateStore from '../../storage/rooms/current-state-store.ts';
import type { RoomTransaction } from '../appending/room-transaction.ts';
import type { StoredEvent } from '../events/stored-event.ts';

/*
 * Members of a room are written down some at a time, before the state that they are in becomes the room's, which then takes
 * one short unit of work, however many they are. Until then the room's present state lacks them, which is what decisions
 * go by; what is written of a member that it has stays as it is.
 */

const MEMBER = 'm.room.member';
/** Members that are read in one step. */
const PAGE = 1_000;

/** Writes down members of other servers that the present state lacks. Their events are kept. */
export async function writeMembersAhead(
  room: RoomTransaction,
  unit: Writer,
  members: Iterable<StoredEvent>,
): Promise<void> {
  const { root } = room.point;
  const at = unit.position();
  for (const { type, stateKey, eventId, content, sender, roomId } of members) {
    if (type !== MEMBER || stateKey === undefined || isOwn(room, stateKey)) continue;
    const isPresent = root !== undefined && (await room.needs.tries.get(root, stateKeyOf(type, stateKey)));
    if (isPresent) continue;
    const membership = typeof content.membership === 'string' ? content.membership : 'leave';
    const userId = stateKey as UserId;
    currentStateStore.addKnownState(unit, eventId);
    membershipsStore.add(unit, { userId, roomId, membership, eventId, sender }, at);
  }
}

/** Reads which members of other servers are written down, so that this transaction need not do it again. */
export async function readMembersAhead(room: RoomTransaction): Promise<void> {
  const written = new Map<StateKey, EventId>();
  let after = { membership: '', userId: '' };
  for (let isMore = true; isMore;) {
    const rows = await membershipsStore.eventsOf(room.needs.reader, room.roomId, after, PAGE);
    for (const { user_id: userId, event_id: eventId, membership } of rows) {
      after = { membership, userId };
      if (!isOwn(room, userId)) written.set(stateKeyOf(MEMBER, userId), eventId as EventId);
    }
    isMore = rows.length === PAGE;
    if (isMore) await nextTurn();
  }
  room.writtenAhead = written;
}

/** Takes those out that were written down and are not in the state that became the room's. */
export async function dropOtherMembersAhead(room: RoomTransaction): Promise<void> {
  const { root } = room.point;
  for (const [key, eventId] of room.writtenAhead) {
    if (room.state.get(key)?.eventId === eventId) continue;
    const isPresent = root !== undefined && (await room.needs.tries.get(root, key));
    if (!isPresent && splitStateKey(key).type === MEMBER) room.setState(key, undefined, undefined);
  }
}

function isOwn(room: RoomTransaction, userId: string): boolean {
  return serverNameOf(userId as UserId) === room.needs.signer.serverName;
}

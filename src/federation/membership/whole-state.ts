import { inParts } from '../../platform/list-parts.ts';
import type { StateKey } from '../../protocol/events/event.ts';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import { writeMembersAhead } from '../../rooms/state/members-ahead.ts';
import type { RoomWriter } from '../../rooms/appending/room-writer.ts';
import { pathOf } from '../../rooms/state/state-trie-node.ts';
import { insertNodes } from '../../rooms/state/state-trie.ts';
import type { StateRoot } from '../../rooms/events/stored-event.ts';
import * as partialRoomsStore from '../../storage/rooms/partial-rooms-store.ts';
import { acceptedState, unusable } from './joined-state.ts';

/** A state, and events that changed it, in order. All that could be had of them is here. */
export interface WholeState {
  readonly ids: readonly EventId[];
  readonly then: readonly EventId[];
}

interface Entry {
  readonly eventId: EventId;
  /** Its way through the trie of the state. */
  readonly path: string;
}

/** Entries that are read, or written down, in one step. */
const AT_ONCE = 500;

/**
 * Writes down the whole state of a room that is partial, and the members in it, in many short units of work, so that
 * nobody has to wait for a long one. The room's present state is not touched, and what breaks off is done again.
 *
 * @param goesOn asked before each step.
 * @returns undefined where it broke off, or the room is partial no more.
 */
export async function writeWholeState(
  writer: RoomWriter,
  roomId: RoomId,
  { ids, then }: WholeState,
  goesOn: () => Promise<boolean>,
): Promise<StateRoot | undefined> {
  const entries = new Map<StateKey, Entry>();
  for (const part of inParts(ids, AT_ONCE)) {
    const accepted = (await goesOn()) ? await writeMembers(writer, roomId, part) : undefined;
    if (!accepted) return undefined;
    for (const [key, eventId] of accepted) {
      if ((entries.get(key)?.eventId ?? eventId) !== eventId) throw unusable('its state has an entry twice');
      entries.set(key, { eventId, path: pathOf(key) });
    }
  }
  const changed = await writer.append(roomId, (room) => acceptedState(room, then));
  for (const [key, eventId] of changed) entries.set(key, { eventId, path: pathOf(key) });
  if (entries.size === 0) throw unusable('nothing of its state can be believed');
  // In the order of the trie, so that each of its nodes is written in one step.
  const ordered = [...entries].sort(([, a], [, b]) => (a.path < b.path ? -1 : 1));
  let root: StateRoot | undefined;
  for (const part of inParts(ordered, AT_ONCE)) {
    root = (await goesOn()) ? await writeEntries(writer, roomId, root, part) : undefined;
    if (root === undefined) return undefined;
  }
  return root;
}

/** Gives those of the events that are accepted; undefined where the room is partial no more. */
function writeMembers(
  writer: RoomWriter,
  roomId: RoomId,
  ids: readonly EventId[],
): Promise<Map<StateKey, EventId> | undefined> {
  return writer.append(roomId, async (room, unit) => {
    if (!room.isPartial) return undefined;
    partialRoomsStore.assertPartial(unit, roomId);
    const accepted = await acceptedState(room, ids);
    await writeMembersAhead(room, unit, (await room.eventsOf(accepted.values())).values());
    return accepted;
  });
}

/** Gives the root of a state with more entries; undefined where the room is partial no more. */
function writeEntries(
  writer: RoomWriter,
  roomId: RoomId,
  before: StateRoot | undefined,
  part: readonly (readonly [StateKey, Entry])[],
): Promise<StateRoot | undefined> {
  return writer.append(roomId, async (room, unit) => {
    if (!room.isPartial) return undefined;
    partialRoomsStore.assertPartial(unit, roomId);
    const entries = part.map(([key, { eventId }]) => [key, eventId] as const);
    const root = await room.stateWith(before, entries);
    insertNodes(unit, room.nodes);
    return root;
  });
}

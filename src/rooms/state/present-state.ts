import { inTurns } from '../../platform/list-parts.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import { resolvedState } from '../appending/event-judgement.ts';
import type { RoomTransaction } from '../appending/room-transaction.ts';
import type { StateDifference } from './state-trie.ts';
import type { StateRoot, StoredEvent } from '../events/stored-event.ts';

/** Entries that are looked at in one step, before others have their turn. */
const AT_ONCE = 500;

/** Makes a state the room's present one: everything in which it differs changes. */
export async function changePresentState(room: RoomTransaction, root: StateRoot): Promise<void> {
  const differences = await room.needs.tries.difference(room.point.root, root);
  for await (const part of inTurns(differences, AT_ONCE)) await changeEntries(room, part);
  room.point.root = root;
}

async function changeEntries(room: RoomTransaction, differences: readonly StateDifference[]): Promise<void> {
  const ids = differences.flatMap(({ before, after }) => [before, after].filter((id) => id !== undefined));
  const events = await room.eventsOf(ids);
  for (const { key, before, after } of differences) {
    const event = after === undefined ? undefined : events.get(after);
    if (after !== undefined && !event) throw new Error('A state has an event that is not known');
    room.setState(key, before === undefined ? undefined : events.get(before), event);
  }
}

/**
 * What the present state will be once an event is added: the states after it and after the ends that it leaves, of
 * which there are some, resolved.
 */
export async function presentWith(
  room: RoomTransaction,
  event: StoredEvent,
  left: readonly EventId[],
): Promise<StateRoot> {
  const found = await room.eventsOf(left);
  const missing = left.filter((id) => !found.has(id));
  if (missing.length > 0) throw new Error('An extremity of a room is missing from the log');
  room.keepInSight(event);
  return resolvedState(room, [...found.values(), event]);
}

import { checkAuthEvents, type AuthState } from '../../protocol/auth/auth-rules.ts';
import { authTypesFor } from '../../protocol/auth/auth-types.ts';
import { stateKeyOf, type RoomEvent, type StateKey } from '../../protocol/events/event.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import { createEventIdOf } from '../../protocol/state-resolution/iterative-auth.ts';
import type { RoomTransaction } from './room-transaction.ts';
import type { EventLookup } from '../state/state-resolver.ts';
import type { StateRoot, StoredEvent } from '../events/stored-event.ts';

/** An event cannot be judged: others that it builds on are not here. */
export class EventsMissing extends Error {
  readonly eventIds: readonly EventId[];

  constructor(eventIds: readonly EventId[]) {
    super(`These events are needed and not known: ${eventIds.join(', ')}`);
    this.name = 'EventsMissing';
    this.eventIds = eventIds;
  }
}

/** Whether some of the events, none of which is known in the room, are those of another. */
export async function areElsewhere(room: RoomTransaction, eventIds: readonly EventId[]): Promise<boolean> {
  const asked = eventIds.filter((eventId) => room.foreknowledge?.isAbsent(eventId) !== true);
  if (asked.length === 0) return false;
  return (await room.needs.committed.byIds(asked)).some((event) => event.roomId !== room.roomId);
}

/** Whether an event of another room has the ID. Where IDs are hashes it cannot be: they cover the room. */
export async function isIdTaken(room: RoomTransaction, eventId: EventId): Promise<boolean> {
  return room.head.version.eventIdFormat === 'server-chosen' && (await areElsewhere(room, [eventId]));
}

/** Why the event's own auth events do not authorise it, if so (Server-Server API, "Checks performed on receipt"). */
export async function refusalByAuthEvents(
  version: RoomVersion,
  event: RoomEvent,
  room: RoomTransaction,
): Promise<string | undefined> {
  const found = await room.eventsOf(event.authEventIds);
  const missing = event.authEventIds.filter((id) => !found.has(id));
  if (missing.length > 0) {
    if (await areElsewhere(room, missing)) return 'One of its auth events is of another room';
    throw new EventsMissing(missing);
  }
  const authEvents = event.authEventIds.flatMap((id) => found.get(id) ?? []);
  const selected = new Set(neededFor(version, event));
  const isRejected = (one: RoomEvent) => found.get(one.eventId)?.refused === 'rejected';
  const listed = checkAuthEvents(version, event, authEvents, selected, isRejected);
  if (!listed.allowed) return listed.reason;
  const byKey = new Map<StateKey, RoomEvent>();
  for (const one of authEvents) byKey.set(stateKeyOf(one.type, one.stateKey ?? ''), one);
  const create = await foundingEvent(version, event, room);
  const result = room.needs.rules.checkAuth(version, event, authStateOf(byKey, create));
  return result.allowed ? undefined : result.reason;
}

/**
 * Why a state does not authorise the event, as far as that is known, if so. In a room whose members are yet to come the state
 * counts with the event's auth events resolved into it, until the event is judged again (MSC3902). Mostly the state lacks
 * the member whom they tell of, and there is nothing to resolve.
 */
export async function refusalByKnownState(
  room: RoomTransaction,
  event: RoomEvent,
  root: StateRoot,
): Promise<string | undefined> {
  const reason = await refusalByState(room, event, root);
  if (reason === undefined || !room.isPartial) return reason;
  const members = new Map<StateKey, EventId>();
  for (const one of (await room.eventsOf(event.authEventIds)).values()) {
    if (one.type === 'm.room.member') members.set(stateKeyOf(one.type, one.stateKey ?? ''), one.eventId);
  }
  if ((await refusalByState(room, event, root, members)) === undefined) return undefined;
  const cited = await room.stateWith(root, [...members]);
  return refusalByState(room, event, await resolvedRoots(room, [root, cited]));
}

/**
 * Why a state does not authorise the event, if so.
 *
 * @param beside entries that hold where the state has none.
 */
export async function refusalByState(
  room: RoomTransaction,
  event: RoomEvent,
  root: StateRoot,
  beside?: ReadonlyMap<StateKey, EventId>,
): Promise<string | undefined> {
  const { version } = room.head;
  const ids: EventId[] = [];
  for (const key of neededFor(version, event)) {
    const id = (await room.needs.tries.get(root, key)) ?? beside?.get(key);
    if (id !== undefined) ids.push(id);
  }
  const byKey = new Map<StateKey, RoomEvent>();
  for (const one of (await room.eventsOf(ids)).values()) {
    byKey.set(stateKeyOf(one.type, one.stateKey ?? ''), one);
  }
  const create = await foundingEvent(version, event, room);
  const result = room.needs.rules.checkAuth(version, event, authStateOf(byKey, create));
  return result.allowed ? undefined : result.reason;
}

/** Why the present state does not authorise the event, if so. */
export async function refusalAtPresent(room: RoomTransaction, event: RoomEvent): Promise<string | undefined> {
  const { root } = room.point;
  return root === undefined ? undefined : refusalByKnownState(room, event, root);
}

/**
 * The state before an event that follows others: their states resolved.
 *
 * @throws EventsMissing when the state after one of them is not known.
 */
export async function stateAfterAll(
  room: RoomTransaction,
  prevEvents: readonly EventId[],
): Promise<StateRoot> {
  const found = await room.eventsOf(prevEvents);
  const missing = prevEvents.filter((id) => found.get(id)?.stateAfter === undefined);
  if (missing.length > 0 || prevEvents.length === 0) throw new EventsMissing(missing);
  return resolvedState(room, [...found.values()]);
}

/** The states after events, resolved. All must be known. */
export async function resolvedState(
  room: RoomTransaction,
  events: readonly StoredEvent[],
): Promise<StateRoot> {
  return resolvedRoots(
    room,
    events.map((event) => event.stateRoot),
  );
}

async function resolvedRoots(room: RoomTransaction, roots: readonly StateRoot[]): Promise<StateRoot> {
  const { resolver, reader } = room.needs;
  const { roomId, version } = room.head;
  const resolved = await resolver.resolve({ roomId, version }, roots, room, reader);
  if (!resolved) throw new Error('There is no state to resolve');
  room.nodes.push(...resolved.nodes);
  return resolved.root;
}

function neededFor(version: RoomVersion, { type, stateKey, sender, content }: RoomEvent): StateKey[] {
  const types = authTypesFor(version, { type, stateKey, sender, content });
  return types.map(([one, key]) => stateKeyOf(one, key));
}

/** From room version 12 on m.room.create is known by the room's ID, and no auth event. EventsMissing where it is not here. */
async function foundingEvent(
  version: RoomVersion,
  event: RoomEvent,
  lookup: EventLookup,
): Promise<RoomEvent | undefined> {
  if (!version.roomIdIsCreateHash || event.type === 'm.room.create') return undefined;
  const id = createEventIdOf(event);
  const create = (await lookup.eventsOf([id])).get(id);
  if (!create) throw new EventsMissing([id]);
  return create;
}

function authStateOf(byKey: ReadonlyMap<StateKey, RoomEvent>, create: RoomEvent | undefined): AuthState {
  return (type, stateKey) => {
    if (create && type === 'm.room.create') return create;
    return byKey.get(stateKeyOf(type, stateKey));
  };
}

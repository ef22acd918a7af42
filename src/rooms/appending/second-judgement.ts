import { inTurns } from '../../platform/list-parts.ts';
import { splitStateKey, stateKeyOf, type StateKey } from '../../protocol/events/event.ts';
import { parseUserId, serverNameOf, type EventId, type ServerName } from '../../protocol/identifiers.ts';
import * as awaitedRedactions from '../../storage/rooms/awaited-redactions-store.ts';
import type { Writer } from '../../storage/database.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import * as relationsStore from '../../storage/rooms/relations-store.ts';
import * as revisedEventsStore from '../../storage/rooms/revised-events-store.ts';
import * as roomServersStore from '../../storage/federation/room-servers-store.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';
import { EventsMissing, refusalByAuthEvents, refusalByState, resolvedState } from './event-judgement.ts';
import { applyRedaction } from './redaction-effects.ts';
import { pduOfEvent } from '../events/pdu-of-event.ts';
import { lacksApproval } from './policy-signing.ts';
import { changePresentState } from '../state/present-state.ts';
import type { RoomTransaction } from './room-transaction.ts';
import { rootToBytes, StoredEvent, type StateRoot } from '../events/stored-event.ts';

/** Events that are read in one step. */
const PAGE = 500;
/** Events that are judged before whatever else waits in this process has its turn. */
const JUDGED_AT_ONCE = 50;

/** What is kept in memory of an event that came: the whole of it is read once it is judged. */
interface Came {
  readonly eventId: EventId;
  readonly prevEventIds: readonly EventId[];
  readonly isAside: boolean;
}

/** A join by which a room came here without its members. */
export interface PartialJoin {
  readonly eventId: EventId;
  readonly position: number;
  /** The whole state before it. */
  readonly whole: StateRoot;
}

/**
 * Judges once more, by the whole state, all events that came since a room was joined without its members (MSC3902,
 * "Resynchronisation"): the states around them are worked out anew, what was taken and is not allowed goes out of the
 * timeline, and what was refused and is allowed comes into it, at its end. The room's present state is the one that
 * then follows.
 */
export async function judgeAgain(room: RoomTransaction, unit: Writer, join: PartialJoin): Promise<void> {
  const came = inOrder(await eventsSince(room, join));
  const settled = new Map<EventId, StoredEvent>();
  for await (const part of inTurns([...came.keys()], JUDGED_AT_ONCE)) {
    const events = await room.eventsOf(part);
    for (const eventId of part) {
      const event = events.get(eventId);
      if (!event) throw new Error('An event that came is not in the database');
      const again = await eventAgain(room, join, event, settled);
      settled.set(eventId, again);
      room.revise(again);
    }
  }
  await readmit(room, came, settled);
  room.point.extremities = endsOf(came, settled);
  await changePresentState(room, await stateAtEnds(room, came, settled));
  await noteServersThatLeft(room, unit, settled.get(join.eventId));
  write(room, unit, came, settled);
  await redact(room, unit, settled);
}

/** Accepts what was kept out of sight for a present state that was not whole, and that the whole one allows. */
async function readmit(
  room: RoomTransaction,
  came: ReadonlyMap<EventId, Came>,
  settled: Map<EventId, StoredEvent>,
): Promise<void> {
  const softFailed = [...settled.values()].filter((event) => event.refused === 'soft-failed');
  if (softFailed.length === 0) return;
  const present = await stateAtEnds(room, came, settled);
  for (const event of softFailed) {
    if ((await refusalByState(room, event, present)) !== undefined) continue;
    if (await lacksApproval(room, pduOfEvent(event, room.head.version))) continue;
    const accepted = otherwise(event, { refused: null });
    settled.set(event.eventId, accepted);
    room.revise(accepted);
  }
}

/** Servers whose members left before they were known were in the room, too: it may matter what they were not told. */
async function noteServersThatLeft(
  room: RoomTransaction,
  unit: Writer,
  join: StoredEvent | undefined,
): Promise<void> {
  const changes = await room.needs.tries.difference(join?.stateRoot, room.point.root);
  const ids = changes.flatMap(({ key, before }) => (before !== undefined && isMember(key) ? [before] : []));
  const servers = new Set<ServerName>();
  for (const { content, stateKey } of (await room.eventsOf(ids)).values()) {
    const userId = parseUserId(stateKey ?? '');
    if (userId && content.membership === 'join') servers.add(serverNameOf(userId));
  }
  servers.delete(room.needs.signer.serverName);
  const at = unit.position();
  for (const server of servers) roomServersStore.noteVisit(unit, server, room.roomId, at);
}

function isMember(key: StateKey): boolean {
  return splitStateKey(key).type === 'm.room.member';
}

/**
 * What came since the join, that included: events of the timeline, and those that were refused with the state before
 * them known.
 */
async function eventsSince(room: RoomTransaction, join: PartialJoin): Promise<Came[]> {
  const found = new Map<EventId, Came>();
  const note = ({ eventId, prevEventIds, isAside }: StoredEvent) => {
    found.set(eventId, { eventId, prevEventIds, isAside });
  };
  const { reader } = room.needs;
  let after = join.position - 1;
  for (let isMore = true; isMore;) {
    const range = { after, upTo: Number.MAX_SAFE_INTEGER, limit: PAGE, newestFirst: false };
    const rows = await eventsStore.page(reader, room.roomId, range);
    for (const row of rows) note(new StoredEvent(row));
    after = rows.at(-1)?.position ?? after;
    isMore = rows.length === PAGE;
  }
  for (const row of await revisedEventsStore.refusedAfter(reader, room.roomId, join.position)) {
    note(new StoredEvent(row));
  }
  for (const event of room.head.allPending()) {
    if (!event.isAside || isRefusedWithState(event)) note(event);
  }
  return [...found.values()];
}

function isRefusedWithState(event: StoredEvent): boolean {
  return event.refused !== undefined && event.stateAfter !== undefined;
}

/** Each after those that it follows. */
function inOrder(events: readonly Came[]): Map<EventId, Came> {
  const waiting = new Map(events.map((event) => [event.eventId, event]));
  const ordered = new Map<EventId, Came>();
  const stack = [...events].reverse();
  for (let event = stack.at(-1); event; event = stack.at(-1)) {
    const previous = event.prevEventIds.flatMap((id) => waiting.get(id) ?? []);
    const isNext = waiting.has(event.eventId);
    // Who is looked at is not waited for again: IDs are hashes in all but the oldest rooms, where events could go round.
    waiting.delete(event.eventId);
    if (isNext && previous.length > 0) stack.push(...previous);
    else {
      stack.pop();
      ordered.set(event.eventId, event);
    }
  }
  return ordered;
}

/** An event as it is by the whole state. */
async function eventAgain(
  room: RoomTransaction,
  join: PartialJoin,
  event: StoredEvent,
  settled: ReadonlyMap<EventId, StoredEvent>,
): Promise<StoredEvent> {
  const isJoin = event.eventId === join.eventId;
  const others = await room.eventsOf(event.prevEventIds.filter((id) => !settled.has(id)));
  const previous = event.prevEventIds.flatMap((id) => settled.get(id) ?? others.get(id) ?? []);
  const isKnown = previous.filter((one) => one.stateAfter !== undefined).length === event.prevEventIds.length;
  const { type, stateKey } = event;
  const key = stateKey === undefined ? undefined : stateKeyOf(type, stateKey);
  // What does not follow the join has its state from elsewhere, and whole.
  const before = isJoin
    ? join.whole
    : await (isKnown ? resolvedState(room, previous) : ownBefore(room, event));
  const reason = isJoin ? undefined : await refusal(room, event, before);
  const replaces = key === undefined ? undefined : await room.needs.tries.get(before, key);
  const isEntry = key !== undefined && reason === undefined;
  const after = isEntry ? await room.stateWith(before, [[key, event.eventId]]) : before;
  const refused = reason !== undefined ? 'rejected' : event.refused === 'soft-failed' ? 'soft-failed' : null;
  return otherwise(event, {
    refused,
    state_root: rootToBytes(after),
    room_root: null,
    replaces: replaces ?? null,
  });
}

/** The state before an event by the state after it. */
async function ownBefore(room: RoomTransaction, event: StoredEvent): Promise<StateRoot> {
  const { type, stateKey, stateRoot, replaces } = event;
  const changes = stateKey !== undefined && event.refused !== 'rejected';
  return changes ? room.stateWith(stateRoot, [[stateKeyOf(type, stateKey), replaces]]) : stateRoot;
}

async function refusal(
  room: RoomTransaction,
  event: StoredEvent,
  before: StateRoot,
): Promise<string | undefined> {
  try {
    const byAuthEvents = await refusalByAuthEvents(room.head.version, event, room);
    return byAuthEvents ?? (await refusalByState(room, event, before));
  } catch (error) {
    // Events of this server are made without looking at what they cite, all of which is here.
    if (error instanceof EventsMissing) return error.message;
    throw error;
  }
}

function otherwise(event: StoredEvent, changes: Partial<eventsStore.NewEventRow>): StoredEvent {
  const isRefused = (changes.refused ?? null) !== null;
  const position = isRefused ? BEFORE_HISTORY : event.isAside ? Number.NaN : event.position;
  return new StoredEvent({ ...event.toRow(), position, ...changes });
}

/** The accepted events that no other accepted one follows, whether at once or by way of refused ones. */
function endsOf(came: ReadonlyMap<EventId, Came>, settled: ReadonlyMap<EventId, StoredEvent>): EventId[] {
  const followed = new Set<EventId>();
  const accepted = [...came.values()].filter(({ eventId }) => settled.get(eventId)?.refused === undefined);
  const wanted = accepted.flatMap((event) => event.prevEventIds);
  for (let id = wanted.pop(); id !== undefined; id = wanted.pop()) {
    if (followed.has(id)) continue;
    followed.add(id);
    if (settled.get(id)?.refused !== undefined) wanted.push(...(came.get(id)?.prevEventIds ?? []));
  }
  return accepted.filter((event) => !followed.has(event.eventId)).map((event) => event.eventId);
}

async function stateAtEnds(
  room: RoomTransaction,
  came: ReadonlyMap<EventId, Came>,
  settled: ReadonlyMap<EventId, StoredEvent>,
): Promise<StateRoot> {
  return resolvedState(
    room,
    endsOf(came, settled).flatMap((id) => settled.get(id) ?? []),
  );
}

/** Writes down what changed about events. The newest says what state the room has, where that is another than its own. */
function write(
  room: RoomTransaction,
  unit: Writer,
  came: ReadonlyMap<EventId, Came>,
  settled: ReadonlyMap<EventId, StoredEvent>,
): void {
  const isNew = (event: StoredEvent) =>
    event.refused === undefined && came.get(event.eventId)?.isAside === true;
  const there = [...settled.values()].filter((event) => event.refused === undefined && !isNew(event));
  const newest = [...settled.values()].filter(isNew).at(-1) ?? there.sort((a, b) => byPlace(a, b)).at(-1);
  const { root } = room.point;
  for (const event of settled.values()) {
    const isAtEnd = event === newest && root !== undefined && event.stateAfter !== root;
    const final = isAtEnd ? otherwise(event, { room_root: rootToBytes(root) }) : event;
    if (isNew(event)) {
      room.received.add(event.eventId);
      room.insert(final, 'end');
      continue;
    }
    if (isAtEnd) room.revise(final);
    revisedEventsStore.setStates(unit, final.toRow());
    if (event.refused === undefined || came.get(event.eventId)?.isAside === true) continue;
    revisedEventsStore.reject(unit, event.eventId);
    const related = event.relatedEvent;
    if (related) relationsStore.remove(unit, related);
  }
}

/** Events that are not written yet have no place: they come last. */
function byPlace(a: StoredEvent, b: StoredEvent): number {
  const place = ({ position }: StoredEvent) => (Number.isNaN(position) ? Infinity : position);
  return place(a) === place(b) ? 0 : place(a) - place(b);
}

/** Applies the redactions that came meanwhile. */
async function redact(
  room: RoomTransaction,
  unit: Writer,
  settled: ReadonlyMap<EventId, StoredEvent>,
): Promise<void> {
  for (const event of settled.values()) {
    const redacts = event.redactsIn(room.head.version);
    if (redacts === undefined || event.refused !== undefined) continue;
    if (await room.event(redacts)) awaitedRedactions.forget(unit, redacts);
    await applyRedaction(room, event, redacts);
  }
}

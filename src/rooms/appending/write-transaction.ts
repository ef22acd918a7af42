import { splitStateKey, stateKeyOf, type StateKey } from '../../protocol/events/event.ts';
import { serverNameOf, type EventId, type UserId } from '../../protocol/identifiers.ts';
import * as awaitedRedactions from '../../storage/rooms/awaited-redactions-store.ts';
import * as eventTransactionsStore from '../../storage/rooms/event-transactions-store.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import * as partialRoomsStore from '../../storage/rooms/partial-rooms-store.ts';
import * as relationsStore from '../../storage/rooms/relations-store.ts';
import * as currentStateStore from '../../storage/rooms/current-state-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import * as stickyEventsStore from '../../storage/rooms/sticky-events-store.ts';
import * as untoldJoinsStore from '../../storage/federation/untold-joins-store.ts';
import type { Position, UnitOfWork } from '../../storage/unit-of-work.ts';
import type { EventChange, HistoryChange, StateChange } from '../events/room-changes.ts';
import type { RoomTransaction } from './room-transaction.ts';
import { writeServerMoves } from './server-moves.ts';
import { insertNodes } from '../state/state-trie.ts';
import { rootToBytes, type StoredEvent } from '../events/stored-event.ts';

const NOBODY: ReadonlySet<UserId> = new Set();

/** Writes down everything that a transaction decided. */
export function writeTransaction(unit: UnitOfWork, room: RoomTransaction, isNewRoom: boolean): UnitOfWork {
  if (room.isEmpty) return unit;
  if (room.successor) writeTransaction(unit, room.successor, true);
  insertNodes(unit, room.nodes);
  for (const event of room.aside) eventsStore.keepAside(unit, event.toRow(), unit.position());
  if (movesRoom(room)) writeHead(unit, room, isNewRoom);
  const unsettled = (room.point.unsettled ?? 0) - (room.head.point.unsettled ?? 0);
  if (unsettled > 0) partialRoomsStore.addUnsettled(unit, room.roomId, unsettled);
  const knowsMore = room.aside.some((event) => event.stateAfter !== undefined && event.refused === undefined);
  if (room.history.length > 0 || knowsMore) writeHistory(unit, room);
  for (const one of room.redactions) {
    eventsStore.redact(unit, one.target, one.redactedBy, one.content, one.envelope);
    if (one.relation) relationsStore.remove(unit, one.relation);
  }
  for (const [target, redactions] of room.awaiting) {
    for (const { eventId } of redactions) awaitedRedactions.remember(unit, target, eventId);
  }
  return unit;
}

/** Whether the room is another afterwards for who decides on it or reads its newest events. */
function movesRoom(room: RoomTransaction): boolean {
  const isOther = room.state.size > 0 || room.point.root !== room.head.point.root;
  return isOther || room.events.length > 0 || room.revised.length > 0;
}

/** The new end of the timeline, and the state that the room has there. */
function writeHead(unit: UnitOfWork, room: RoomTransaction, isNewRoom: boolean): void {
  const { head, point, events } = room;
  const { version, extremities } = head.point;
  point.version = isNewRoom ? 1 : version + 1;
  const positions = new Map<EventId, Position>();
  for (const event of events) positions.set(event.eventId, unit.position());
  const newest = positions.get(events.at(-1)?.eventId as EventId) ?? unit.position();
  const before = { version, extremities: JSON.stringify(extremities) };
  writeRoom(unit, room, isNewRoom ? undefined : before, newest);
  writeServerMoves(unit, head.roomId, room.serverMoves, newest);
  for (const userId of untoldNewcomers(room)) untoldJoinsStore.note(unit, userId, head.roomId);
  for (const event of events) writeEvent(unit, room, event, positions.get(event.eventId) as Position);
  if (room.transactionKey) eventTransactionsStore.remember(unit, room.transactionKey, newest);
  for (const [key, event] of room.state) {
    const at = event && positions.get(event.eventId);
    if (event && !at && room.writtenAhead.get(key) === event.eventId) continue;
    writeState(unit, room, { key, event, at, newest });
  }
  const isOwn = (event: StoredEvent | undefined) => event !== undefined && positions.has(event.eventId);
  if (events.length > 0 && [...room.state.values()].every(isOwn)) return;
  const data: StateChange = { version: point.version };
  unit.announce({ topic: 'state', position: unit.position(), rooms: [room.roomId], data });
}

function writeRoom(
  unit: UnitOfWork,
  room: RoomTransaction,
  before: roomsStore.RoomGuard | undefined,
  newest: Position,
): void {
  const { head, point } = room;
  const extremities = JSON.stringify(point.extremities);
  if (before !== undefined && point.root === head.point.root) {
    const row = { room_id: head.roomId, extremities, depth: point.depth };
    roomsStore.advanceTimeline(unit, row, before, newest);
    return;
  }
  if (point.root === undefined) throw new Error('A room without state cannot be written');
  const row = {
    room_id: head.roomId,
    extremities,
    depth: point.depth,
    state_root: rootToBytes(point.root),
    joined_count: point.joinedCount,
    invited_count: point.invitedCount,
    remote_joined: point.remoteJoined,
  };
  if (before !== undefined) return roomsStore.advance(unit, row, before, newest);
  const create = room.state.get(stateKeyOf('m.room.create', ''));
  if (!create) throw new Error('A room without m.room.create cannot be written');
  roomsStore.insert(unit, { ...row, room_version: head.version.id, creator: create.sender }, newest);
}

function writeEvent(unit: UnitOfWork, room: RoomTransaction, event: StoredEvent, position: Position): void {
  const outgoing = room.outgoing.has(event) && hasOthers(room);
  placeEvent(unit, room, event, position, outgoing);
  const related = event.relatedEvent;
  if (related) relationsStore.insert(unit, related, position);
  if (event.stickyMs !== undefined) writeSticky(unit, room, event, position);
  const { version } = room.point;
  const data: EventChange = { eventId: event.eventId, type: event.type, sender: event.sender, version };
  const users: UserId[] = [];
  if (event.stateKey !== undefined) {
    data.stateKey = event.stateKey;
    if (event.type === 'm.room.member') {
      data.membership = String(event.content.membership);
      users.push(event.stateKey as UserId);
      if (!room.effective.has(event.eventId)) data.withoutEffect = true;
      if (untoldNewcomers(room).has(event.stateKey as UserId)) data.untold = true;
    }
  }
  if (related && relationsStore.isCounted(related)) data.parent = related.parentId;
  const redacts = event.redactsIn(room.head.version);
  if (redacts !== undefined) data.redacted = redacts;
  if (outgoing) data.outgoing = true;
  const isRedacted = room.redactions.some((one) => one.target === event.eventId);
  const local = isRedacted ? undefined : event;
  unit.announce({ topic: 'event', position, rooms: [event.roomId], users, data, local });
}

/** Notes until when an event is sticky. One from the future is so from now on. */
function writeSticky(unit: UnitOfWork, room: RoomTransaction, event: StoredEvent, position: Position): void {
  const now = room.needs.clock.now();
  const { eventId, roomId, originServerTs } = event;
  const until = Math.min(originServerTs, now) + (event.stickyMs ?? 0);
  if (until <= now) return;
  stickyEventsStore.insert(unit, { roomId, eventId, expiresAt: until }, { position, now });
  unit.announce({ topic: 'sticky', position, rooms: [roomId], data: { until } });
}

/** Whether other servers are in the room before or afterwards, or in between. */
function hasOthers({ head, point, serverMoves }: RoomTransaction): boolean {
  return head.point.remoteJoined > 0 || point.remoteJoined > 0 || serverMoves.length > 0;
}

/** Users of this server who join and of whose devices other servers are to be told. */
function untoldNewcomers(room: RoomTransaction): ReadonlySet<UserId> {
  return room.newcomers.size > 0 && hasOthers(room) ? room.newcomers : NOBODY;
}

function placeEvent(
  unit: UnitOfWork,
  room: RoomTransaction,
  event: StoredEvent,
  position: Position,
  outgoing: boolean,
): void {
  if (!room.received.has(event.eventId)) return eventsStore.insert(unit, event.toRow(), position, outgoing);
  const { eventId, roomId, type, stateKey } = event;
  if (stateKey !== undefined)
    currentStateStore.followMoved(unit, { eventId, roomId, type, stateKey }, position);
  eventsStore.place(unit, event.toRow(), position);
  if (outgoing) eventsStore.markOutgoing(unit, position);
}

/** History, the newest event first, each before all that is there. */
function writeHistory(unit: UnitOfWork, room: RoomTransaction): void {
  const data: HistoryChange = { parents: [], redacted: room.redactions.map((one) => one.target) };
  for (const event of [...room.history].reverse()) {
    const position = unit.position().inHistory;
    placeEvent(unit, room, event, position, false);
    const related = event.relatedEvent;
    if (!related) continue;
    relationsStore.insert(unit, related, position);
    if (relationsStore.isCounted(related)) data.parents.push(related.parentId);
  }
  unit.announce({ topic: 'history', position: unit.position(), rooms: [room.roomId], data });
}

/** One entry of the present state. `at` is the place in the timeline of an event of this transaction. */
function writeState(
  unit: UnitOfWork,
  room: RoomTransaction,
  entry: { key: StateKey; event: StoredEvent | undefined; at: Position | undefined; newest: Position },
): void {
  const { type, stateKey } = splitStateKey(entry.key);
  const { event, at, newest } = entry;
  if (!event) currentStateStore.removeState(unit, room.roomId, type, stateKey);
  else if (at) currentStateStore.setState(unit, event.roomId, type, stateKey, at);
  else currentStateStore.setKnownState(unit, event.eventId);
  if (type !== 'm.room.member') return;
  const userId = stateKey as UserId;
  const membership = membershipOf(event);
  if (!event) membershipsStore.remove(unit, userId, room.roomId);
  else {
    const { eventId, sender, roomId } = event;
    membershipsStore.set(unit, { userId, roomId, membership, eventId, sender }, at ?? newest);
  }
  if (at === undefined && serverNameOf(userId) === room.needs.signer.serverName) {
    announceMembership(unit, room, { userId, membership, event });
  }
}

function announceMembership(
  unit: UnitOfWork,
  room: RoomTransaction,
  { userId, membership, event }: { userId: UserId; membership: string; event: StoredEvent | undefined },
): void {
  const data: StateChange = { version: room.point.version, userId, membership };
  if (event) Object.assign(data, { eventId: event.eventId, sender: event.sender });
  unit.announce({ topic: 'state', position: unit.position(), rooms: [room.roomId], users: [userId], data });
}

function membershipOf(event: StoredEvent | undefined): string {
  const membership = event?.content.membership;
  return typeof membership === 'string' ? membership : 'leave';
}

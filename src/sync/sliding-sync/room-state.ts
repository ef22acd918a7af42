import { splitStateKey } from '../../protocol/events/event.ts';
import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import { RequiredStates } from '../../protocol/sliding-sync/required-state.ts';
import type { StateRoot, StoredEvent } from '../../rooms/events/stored-event.ts';
import type { SyncNeeds } from '../sync-context.ts';
import type { TimelineSection } from '../timeline-section.ts';
import type { RoomView } from './room-view.ts';

/** What changes of a room's state, or all of it for who gets the room from scratch. */
export interface StateSection {
  /** Those that the client wants. */
  readonly events: readonly StoredEvent[];
  /** Entries that it wants and that are no more. */
  readonly removed: readonly { readonly type: string; readonly stateKey: string }[];
  /** Types of everything that changed, wanted or not. */
  readonly changed: ReadonlySet<string>;
  /** The state at the end, of what the user may know of it; undefined for nothing. */
  readonly root: StateRoot | undefined;
}

const MEMBER = 'm.room.member';
const PAGE = 500;

/** The state of a room that an answer tells of (MSC4186, "Lazy loaded memberships", "Changes to `required_state`"). */
export async function stateSection(
  needs: SyncNeeds,
  view: RoomView,
  timeline: TimelineSection | undefined,
): Promise<StateSection> {
  const { after, upTo } = view;
  const rootAt = await knownRoots(needs, view);
  const root = await rootAt(upTo);
  const changed = new Set<string>();
  const found = new Map<string, StoredEvent>();
  await addOwnRemoval(needs, view, { found, changed });
  if (root === undefined) return { events: [...found.values()], removed: [], changed, root };
  const removed: { type: string; stateKey: string }[] = [];
  if (after === undefined) {
    for (const event of await wholeState(needs, view, root)) add(found, event);
  } else {
    const before = await rootAt(after);
    const isLive = timeline?.limited !== true;
    for (const { key, after: eventId } of before === root
      ? []
      : await needs.states.difference(before, root)) {
      const { type, stateKey } = splitStateKey(key);
      changed.add(type);
      const { state } = view.wanted.config;
      const isWanted = state.matches(type, stateKey) || (type === MEMBER && state.lazyMembers && isLive);
      if (!isWanted) continue;
      const event = eventId === undefined ? undefined : await needs.log.byId(eventId);
      if (event) add(found, event);
      else removed.push({ type, stateKey });
    }
    for (const event of await newlyWanted(needs, view, root)) add(found, event);
  }
  if (view.wanted.config.state.lazyMembers && timeline)
    await addMembers(needs, view, { root, timeline, found });
  return { events: [...found.values()], removed, changed, root };
}

/** The first one of a key stays: they differ only by the user's removal, which comes first. */
function add(found: Map<string, StoredEvent>, event: StoredEvent): void {
  const key = `${event.type}\0${event.stateKey ?? ''}`;
  if (!found.has(key)) found.set(key, event);
}

/**
 * The state at positions, as far as the user may know it: who left, also if they were banned later or declined an invite,
 * up to when they left; who only was invited, nothing.
 */
async function knownRoots(
  needs: SyncNeeds,
  { room, answering }: RoomView,
): Promise<(position: number) => Promise<StateRoot | undefined>> {
  const { roomId } = room;
  const isJoined = room.membership === 'join';
  const end = isJoined ? Infinity : (await needs.visibility.access(roomId, answering.userId)).joinedUntil;
  return async (position) =>
    end === -Infinity ? undefined : needs.states.rootAt(roomId, Math.min(position, end));
}

/** The event by which the user left or was removed: what they may know of the room's state may not have it. */
async function addOwnRemoval(
  needs: SyncNeeds,
  view: RoomView,
  { found, changed }: { found: Map<string, StoredEvent>; changed: Set<string> },
): Promise<void> {
  const { room, answering, sent, after = -Infinity } = view;
  if (room.membership === 'join') return;
  const { state } = view.wanted.config;
  const isNew = room.position > after;
  if (isNew) changed.add(MEMBER);
  const isIn = (wanted: RequiredStates) => wanted.matches(MEMBER, answering.userId);
  const wasSent = () => !isNew && sent !== undefined && isIn(RequiredStates.parse(sent.state));
  const isWanted = isIn(state) ? !wasSent() : isNew && state.lazyMembers;
  if (!isWanted) return;
  const own = await needs.log.byId(room.eventId);
  if (own) add(found, own);
}

/** Everything that the client wants of a room's state. */
async function wholeState(needs: SyncNeeds, view: RoomView, root: StateRoot): Promise<StoredEvent[]> {
  const { room } = view;
  const { state } = view.wanted.config;
  if (room.membership !== 'join')
    return needs.states.stateEvents(root, (type, key) => state.matches(type, key));
  const others = state.wantsOthers ? await needs.log.stateWithoutMembers(room.roomId) : [];
  const wanted = others.filter((event) => state.matches(event.type, event.stateKey ?? ''));
  const members = state.allMembers
    ? (await allMembers(needs, room.roomId)).filter((event) => state.matches(MEMBER, event.stateKey ?? ''))
    : await needs.states.membersFor(root, state.namedMembers());
  return [...wanted, ...members];
}

async function allMembers(needs: SyncNeeds, roomId: RoomId): Promise<StoredEvent[]> {
  const found: StoredEvent[] = [];
  for (let after = ''; ;) {
    const page = await needs.log.statesOfType(roomId, MEMBER, after, PAGE);
    found.push(...page);
    after = page.at(-1)?.stateKey ?? '';
    if (page.length < PAGE) return found;
  }
}

/** What the client wants of the state and did not want when it was sent the room. */
async function newlyWanted(needs: SyncNeeds, view: RoomView, root: StateRoot): Promise<StoredEvent[]> {
  const { sent, wanted } = view;
  if (!sent || sent.state === wanted.config.state.key) return [];
  const before = RequiredStates.parse(sent.state);
  const all = await wholeState(needs, view, root);
  return all.filter((event) => !before.matches(event.type, event.stateKey ?? ''));
}

/** The memberships of those who appear in the timeline, where the client does not have them. */
async function addMembers(
  needs: SyncNeeds,
  view: RoomView,
  of: { root: StateRoot; timeline: TimelineSection; found: Map<string, StoredEvent> },
): Promise<void> {
  const { room, answering, after } = view;
  const { connection } = answering;
  const users = new Set<UserId>();
  for (const event of of.timeline.events) {
    users.add(event.sender);
    if (event.type === MEMBER && event.stateKey !== undefined) users.add(event.stateKey as UserId);
  }
  const isAt = answering.since ?? -Infinity;
  const since = after === undefined ? -Infinity : isAt;
  const sending: [UserId, EventId][] = [];
  for (const event of await needs.states.membersFor(of.root, users, of.timeline.events)) {
    const userId = event.stateKey as UserId;
    if (!connection.hasMember(room.roomId, userId, event.eventId, since)) add(of.found, event);
  }
  for (const event of of.found.values()) {
    if (event.type === MEMBER) sending.push([event.stateKey as UserId, event.eventId]);
  }
  connection.sendMembers(room.roomId, sending, { since: isAt, at: answering.upTo });
}

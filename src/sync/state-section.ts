import type { EventId, RoomId, UserId } from '../protocol/identifiers.ts';
import { splitStateKey } from '../protocol/events/event.ts';
import type { StateRoot, StoredEvent } from '../rooms/events/stored-event.ts';
import type { SyncContext, SyncNeeds } from './sync-context.ts';
import type { TimelineSection } from './timeline-section.ts';

/** What the client has of a room's state so far, and what it is to have after this sync. */
export interface StateSpan {
  /** The state it has; undefined for none. */
  readonly before: StateRoot | undefined;
  /** The state it is to have: at the start of the timeline, or with `use_state_after` at its end. */
  readonly after: StateRoot | undefined;
}

/**
 * State events that bring a client from one state to another: all that differ, or with lazy loading only the
 * memberships of senders in the timeline and of the user.
 */
export async function stateSection(
  needs: SyncNeeds,
  context: SyncContext,
  roomId: RoomId,
  span: StateSpan,
  timeline: TimelineSection,
): Promise<StoredEvent[]> {
  const filter = context.filter.room.state;
  const { events: shown } = timeline;
  const senders = filter.lazyLoadMembers ? new Set(shown.map((event) => event.sender)) : undefined;
  const events = await changedState(needs, context, span, { timeline, senders });
  if (senders && span.after !== undefined)
    await addSenders(needs, context, roomId, { root: span.after, senders, shown, events });
  return events.filter((event) => filter.matches(event));
}

/**
 * With lazy loading, the memberships of those by whom the client is to name the room, as they are after this sync, where
 * neither it nor one before shows them.
 */
export async function heroMembers(
  needs: SyncNeeds,
  context: SyncContext,
  roomId: RoomId,
  heroes: readonly UserId[],
  told: { readonly state: readonly StoredEvent[]; readonly timeline: TimelineSection | undefined },
): Promise<StoredEvent[]> {
  const filter = context.filter.room.state;
  if (!filter.lazyLoadMembers) return [];
  const wanted = filter.includeRedundantMembers ? heroes : needs.lazyMembers.unsent(context, roomId, heroes);
  const root = wanted.length > 0 && (await needs.states.rootAt(roomId, context.upTo));
  if (!root) return [];
  const shown = context.stateAs === 'state' ? (told.timeline?.events ?? []) : [];
  const members = await needs.states.membersFor(root, wanted);
  const given = new Set([...told.state, ...shown].map(idOf));
  return members.filter((event) => !given.has(event.eventId) && filter.matches(event));
}

/** What the timeline does not show of the difference; where only the `senders` of it count, of what is there from before. */
async function changedState(
  needs: SyncNeeds,
  context: SyncContext,
  span: StateSpan,
  { timeline, senders }: { timeline: TimelineSection; senders: ReadonlySet<UserId> | undefined },
): Promise<StoredEvent[]> {
  if (span.before === span.after) return [];
  const shown = new Set(context.stateAs === 'state' ? timeline.events.filter(isState).map(idOf) : []);
  const wanted: EventId[] = [];
  for (const { key, after } of await needs.states.difference(span.before, span.after)) {
    if (after === undefined || shown.has(after)) continue;
    if (senders && span.before === undefined) {
      const { type, stateKey } = splitStateKey(key);
      const isNeeded = senders.has(stateKey as UserId) || stateKey === context.userId;
      if (type === 'm.room.member' && !isNeeded) continue;
    }
    wanted.push(after);
  }
  return needs.log.byIds(wanted);
}

function isState(event: StoredEvent): boolean {
  return event.stateKey !== undefined;
}

function idOf(event: StoredEvent): EventId {
  return event.eventId;
}

async function addSenders(
  needs: SyncNeeds,
  context: SyncContext,
  roomId: RoomId,
  {
    root,
    senders,
    shown,
    events,
  }: {
    root: StateRoot;
    senders: ReadonlySet<UserId>;
    shown: readonly StoredEvent[];
    events: StoredEvent[];
  },
): Promise<void> {
  const given = events
    .filter((event) => event.type === 'm.room.member')
    .map((event) => event.stateKey as UserId);
  const redundant = context.filter.room.state.includeRedundantMembers;
  const fresh = redundant ? senders : needs.lazyMembers.unsent(context, roomId, senders);
  const missing = [...fresh].filter((user) => !given.includes(user));
  events.push(...(await needs.states.membersFor(root, missing, shown)));
}

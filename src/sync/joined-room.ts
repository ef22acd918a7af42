import type { RoomId } from '../protocol/identifiers.ts';
import { withCommas } from '../protocol/json.ts';
import type { RoomSections } from '../modules/sync-part.ts';
import type { RoomMembership } from '../rooms/reading/room-reads.ts';
import type { StoredEvent } from '../rooms/events/stored-event.ts';
import { eventTexts } from './event-texts.ts';
import { heroMembers, stateSection, type StateSpan } from './state-section.ts';
import { mayChangeSummary } from './room-summary.ts';
import { stickyTexts } from './sticky-section.ts';
import type { SyncContext, SyncNeeds } from './sync-context.ts';
import { timelineSection, type TimelineSection } from './timeline-section.ts';
import { BEFORE_HISTORY } from '../storage/unit-of-work.ts';

/** A joined room's part of a sync as JSON text; undefined when the client has everything already. */
export async function joinedRoom(
  needs: SyncNeeds,
  context: SyncContext,
  room: RoomMembership,
): Promise<string | undefined> {
  const { roomId } = room;
  const isNew = context.since === undefined || context.newlyJoined.has(roomId);
  const stateChanged = !isNew && context.recent.roomChangedSince(roomId, context.since, 'state');
  const eventsChanged =
    isNew || stateChanged || context.recent.roomChangedSince(roomId, context.since, 'event');
  const timeline = eventsChanged ? await roomTimeline(needs, context, room, isNew) : undefined;
  const whole = isNew || context.fullState;
  if (whole) needs.lazyMembers.forget(context, roomId);
  const state =
    timeline || whole ? await roomState(needs, context, roomId, timeline, { isNew, stateChanged }) : [];
  const somethingInTimeline = timeline !== undefined && (timeline.events.length > 0 || timeline.limited);
  const sections = await moduleSections(needs, context, roomId, somethingInTimeline);
  const sticky = await stickyTexts(needs, context, roomId, { isNew, timeline: timeline?.events ?? [] });
  const isSilent = state.length === 0 && sections.length === 0 && sticky.length === 0;
  const isEmpty = !somethingInTimeline && isSilent && !whole;
  if (isEmpty) return undefined;
  const changed = [...(timeline?.events ?? []), ...state];
  const summaryChanged = whole || timeline?.limited === true || (await mayChangeSummary(needs.log, changed));
  const summary = summaryChanged ? await needs.summaries.of(roomId, context.userId) : undefined;
  const heroes = summary?.['m.heroes'];
  if (heroes) state.push(...(await heroMembers(needs, context, roomId, heroes, { state, timeline })));
  if (context.filter.room.state.lazyLoadMembers)
    needs.lazyMembers.send(context, roomId, [...(timeline?.events ?? []), ...state]);
  const parts = [
    `"timeline":${await timelineText(needs, context, room, timeline)}`,
    `"${context.stateAs}":{"events":[${withCommas(await eventTexts(needs, context, state))}]}`,
    `"summary":${JSON.stringify(summary ?? {})}`,
    `"ephemeral":{"events":[${join(sections, 'ephemeral')}]}`,
    `"account_data":{"events":[${join(sections, 'accountData')}]}`,
  ];
  if (sticky.length > 0) parts.push(`"msc4354_sticky":{"events":[${sticky.join(',')}]}`);
  for (const section of sections) {
    for (const [key, text] of Object.entries(section.other ?? {}))
      parts.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${withCommas(parts)}}`;
}

async function roomTimeline(
  needs: SyncNeeds,
  context: SyncContext,
  room: RoomMembership,
  isNew: boolean,
): Promise<TimelineSection> {
  const after = isNew ? BEFORE_HISTORY : (context.since ?? BEFORE_HISTORY);
  const range = { after, upTo: context.upTo, presentFrom: room.position };
  const timeline = await timelineSection(needs, context, room.roomId, range);
  if (!isNew || context.since === undefined || timeline.events[0]?.type === 'm.room.create') return timeline;
  // It begins anew: it does not go on from what the client may have of an earlier time in the room.
  return { ...timeline, limited: true };
}

/**
 * State beside the timeline. Where the room forked, or events are left out, those of the timeline do not add up to the state
 * that the room has: the client gets what it ends with, not what it began with.
 */
async function roomState(
  needs: SyncNeeds,
  context: SyncContext,
  roomId: RoomId,
  section: TimelineSection | undefined,
  { isNew, stateChanged }: { isNew: boolean; stateChanged: boolean },
): Promise<StoredEvent[]> {
  const timeline = section ?? {
    events: [],
    limited: false,
    start: context.upTo,
    prevBatch: '',
    hidesState: false,
  };
  const whole = isNew || context.fullState;
  const lazy = context.filter.room.state.lazyLoadMembers;
  const forked = !whole && timeline.events.some((event) => event.roomRoot !== undefined);
  const atEnd = context.stateAs !== 'state' || forked || stateChanged || timeline.hidesState;
  if (!whole && !timeline.limited && !lazy && !atEnd) return [];
  const rootAt = (position: number) => needs.states.rootAt(roomId, position);
  const span: StateSpan = {
    before: whole || context.since === undefined ? undefined : await rootAt(context.since),
    after: atEnd ? await rootAt(context.upTo) : await needs.states.rootBefore(roomId, timeline.start),
  };
  return stateSection(needs, context, roomId, span, timeline);
}

async function moduleSections(
  needs: SyncNeeds,
  context: SyncContext,
  roomId: RoomId,
  timelineChanged: boolean,
): Promise<RoomSections[]> {
  const sections: RoomSections[] = [];
  for (const part of needs.parts) {
    const news = part.room?.(context, roomId, timelineChanged);
    const section = news && (await news);
    if (section) sections.push(section);
  }
  return sections;
}

async function timelineText(
  needs: SyncNeeds,
  context: SyncContext,
  room: RoomMembership,
  timeline: TimelineSection | undefined,
): Promise<string> {
  if (!timeline) return '{"events":[],"limited":false}';
  const events = withCommas(await timelineTexts(needs, context, room, timeline.events));
  return `{"events":[${events}],"limited":${timeline.limited},"prev_batch":"${timeline.prevBatch}"}`;
}

/** Events of a timeline of a room that the user is in, as JSON text. */
export async function timelineTexts(
  needs: SyncNeeds,
  context: SyncContext,
  room: RoomMembership,
  events: readonly StoredEvent[],
): Promise<string[]> {
  return eventTexts(needs, context, events, {
    bundled: true,
    membershipOf: await membershipOf(needs, context, room, events),
  });
}

/** The user's membership at each event. */
async function membershipOf(
  needs: SyncNeeds,
  context: SyncContext,
  room: RoomMembership,
  events: readonly StoredEvent[],
): Promise<(event: StoredEvent) => string | undefined> {
  const first = events[0];
  if (!first || (room.membership === 'join' && room.position <= first.position)) return () => 'join';
  return needs.visibility.membershipsAt(context.userId, events);
}

function join(sections: readonly RoomSections[], key: 'ephemeral' | 'accountData'): string {
  return sections.flatMap((section) => section[key] ?? []).join(',');
}

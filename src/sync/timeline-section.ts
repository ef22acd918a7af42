import type { RoomId } from '../protocol/identifiers.ts';
import type { StoredEvent } from '../rooms/stored-event.ts';
import { streamToken } from '../rooms/stream-token.ts';
import type { SyncContext, SyncNeeds } from './sync-context.ts';

/** The timeline of one room in a sync. */
export interface TimelineSection {
  /** Oldest first. */
  readonly events: readonly StoredEvent[];
  readonly limited: boolean;
  /** Position just before the oldest event. */
  readonly start: number;
  readonly prevBatch: string;
}

/**
 * The newest events of a room after a position that the user may see and the filter lets through.
 *
 * @param range.checked whether each event has to be checked against the room's history visibility.
 */
export async function timelineSection(
  needs: SyncNeeds,
  context: SyncContext,
  roomId: RoomId,
  range: { after: number; upTo: number; checked: boolean },
): Promise<TimelineSection> {
  const { timeline: filter } = context.filter.room;
  const stretch = await needs.log.newest(roomId, range.after, range.upTo, filter.limit);
  let events = stretch.events;
  const oldest = events[0];
  if (range.checked && events.length > 0) {
    const access = await needs.visibility.access(roomId, context.userId);
    events = await needs.visibility.filter(access, events);
  }
  const hidden = stretch.events.length - events.length;
  if (!passesAll(context)) events = events.filter((event) => passes(context, event));
  const { timeline: related } = context.filter.room;
  if (related.relatedBySenders ?? related.relatedByRelTypes) {
    events = await needs.aggregations.related(events, related);
  }
  const start = oldest ? oldest.position - 1 : range.upTo;
  return {
    events,
    limited: stretch.limited || hidden > 0,
    start,
    prevBatch: streamToken(start),
  };
}

function passesAll(context: SyncContext): boolean {
  const filter = context.filter.room.timeline;
  const lists = filter.types ?? filter.notTypes ?? filter.senders ?? filter.notSenders ?? filter.rooms;
  const relations = filter.relTypes ?? filter.notRelTypes;
  return (
    lists === undefined &&
    relations === undefined &&
    filter.notRooms === undefined &&
    filter.containsUrl === undefined &&
    context.ignored.size === 0
  );
}

function passes(context: SyncContext, event: StoredEvent): boolean {
  if (event.stateKey === undefined && context.ignored.has(event.sender)) return false;
  return context.filter.room.timeline.matches(event);
}

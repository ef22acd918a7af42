import type { RoomId } from '../protocol/identifiers.ts';
import type { StoredEvent } from '../rooms/events/stored-event.ts';
import { BEFORE_HISTORY } from '../storage/unit-of-work.ts';
import { streamToken } from '../rooms/reading/stream-token.ts';
import { lastGap } from './timeline-gap.ts';
import type { SyncContext, SyncNeeds } from './sync-context.ts';

/** The timeline of one room in a sync. */
export interface TimelineSection {
  /** Oldest first. */
  readonly events: readonly StoredEvent[];
  readonly limited: boolean;
  /** Position just before the oldest event. */
  readonly start: number;
  readonly prevBatch: string;
  /** State changed in this stretch by events that are not in it, so that it does not add up to the state at its end. */
  readonly hidesState: boolean;
}

/** Events that are looked at for a timeline when a filter lets only some of them through. */
const LOOKED_AT = 50;

/**
 * The newest events of a room after a position that the user may see and the filter lets through.
 *
 * @param range.presentFrom position from which on the user is in the room: events before it are checked against its history
 *   visibility.
 */
export async function timelineSection(
  needs: SyncNeeds,
  context: SyncContext,
  roomId: RoomId,
  range: { after: number; upTo: number; presentFrom: number },
): Promise<TimelineSection> {
  const { timeline: filter } = context.filter.room;
  const isSelective = !passesAll(context);
  const looked = isSelective && filter.limit > 0 ? Math.max(filter.limit, LOOKED_AT) : filter.limit;
  const stretch = await needs.log.newest(roomId, range.after, range.upTo, looked);
  const gap = await lastGap(needs.log, stretch.events, context.userId);
  const whole = gap === undefined ? stretch.events : stretch.events.slice(gap);
  let events = whole;
  let oldest = events[0];
  if (oldest && oldest.position < range.presentFrom) {
    const access = await needs.visibility.access(roomId, context.userId);
    events = await needs.visibility.filter(access, events);
  }
  let limited = stretch.limited || gap !== undefined || events.length < whole.length;
  if (isSelective) {
    const passing = events.filter((event) => passes(context, event));
    events = await needs.aggregations.related(passing, filter);
    if (events.length > filter.limit) {
      events = events.slice(-filter.limit);
      oldest = events[0];
      limited = true;
    }
  }
  if (range.after === BEFORE_HISTORY) limited ||= await needs.timeline.lacksHistory(roomId);
  const start = oldest ? oldest.position - 1 : range.upTo;
  const hidesState = stretch.events.some(
    (event) => event.stateKey !== undefined && event.position > start && !events.includes(event),
  );
  return { events, limited, start, prevBatch: streamToken(start), hidesState };
}

function passesAll(context: SyncContext): boolean {
  const filter = context.filter.room.timeline;
  const lists = filter.types ?? filter.notTypes ?? filter.senders ?? filter.notSenders ?? filter.rooms;
  const relations = filter.relTypes ?? filter.notRelTypes;
  return (
    lists === undefined &&
    relations === undefined &&
    filter.relatedBySenders === undefined &&
    filter.relatedByRelTypes === undefined &&
    filter.notRooms === undefined &&
    filter.containsUrl === undefined &&
    context.ignored.size === 0
  );
}

function passes(context: SyncContext, event: StoredEvent): boolean {
  if (event.stateKey === undefined && context.ignored.has(event.sender)) return false;
  return context.filter.room.timeline.matches(event);
}

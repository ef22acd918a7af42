import type { RoomId } from '../protocol/identifiers.ts';
import type { StoredEvent } from '../rooms/events/stored-event.ts';
import { BEFORE_HISTORY } from '../storage/unit-of-work.ts';
import { eventTexts } from './event-texts.ts';
import type { SyncContext, SyncNeeds } from './sync-context.ts';

/** The most sticky events of one room in one answer. */
const MOST = 1_000;

/**
 * Sticky events that the timeline does not hold (MSC4354), as JSON text. Neither filters nor the history visibility hide
 * them, but who sends them may be ignored.
 */
export async function stickyTexts(
  needs: SyncNeeds,
  context: SyncContext,
  roomId: RoomId,
  { isNew, timeline }: { isNew: boolean; timeline: readonly StoredEvent[] },
): Promise<string[]> {
  if (!needs.stickyEvents.mayBeIn(roomId)) return [];
  if (!isNew && !context.recent.roomChangedSince(roomId, context.since ?? 0, 'sticky')) return [];
  const after = isNew ? BEFORE_HISTORY : (context.since ?? BEFORE_HISTORY);
  const found = await needs.stickyEvents.between(roomId, { after, upTo: context.upTo, limit: MOST });
  const told = new Set(timeline.map((event) => event.eventId));
  const wanted = found.filter((event) => !told.has(event.eventId) && !context.ignored.has(event.sender));
  return eventTexts(needs, context, wanted, { bundled: true, membershipOf: () => 'join' });
}

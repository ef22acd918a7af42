import { serverNameOf, type EventId, type UserId } from '../protocol/identifiers.ts';
import type { StoredEvent } from '../rooms/events/stored-event.ts';

/** Finds events. */
interface Events {
  byIds(eventIds: readonly EventId[]): Promise<StoredEvent[]>;
}

/**
 * Index of the newest event of a stretch of a timeline that has a gap before it: it came from another server and follows
 * others which were not sent here. Undefined where there is none, which costs no more than a look at the senders.
 *
 * @param reader whose server's own events have no gap before them.
 */
export async function lastGap(
  log: Events,
  stretch: readonly StoredEvent[],
  reader: UserId,
): Promise<number | undefined> {
  const own = `:${serverNameOf(reader)}`;
  let inStretch: Set<EventId> | undefined;
  for (let i = stretch.length - 1; i >= 0; i--) {
    const event = stretch[i] as StoredEvent;
    if (event.sender.endsWith(own)) continue;
    inStretch ??= new Set(stretch.map(({ eventId }) => eventId));
    const outside = event.prevEventIds.filter((id) => inStretch?.has(id) !== true);
    if (outside.length > 0 && (await isGap(log, event, outside))) return i;
  }
  return undefined;
}

/** Whether some of what the event follows is missing, or came later as history, which stands before everything. */
async function isGap(log: Events, event: StoredEvent, before: readonly EventId[]): Promise<boolean> {
  const found = await log.byIds(before);
  const isInPlace = (prev: StoredEvent) => !prev.isAside && (prev.position > 0 || event.position < 0);
  return found.filter((prev) => isInPlace(prev) || prev.refused !== undefined).length < before.length;
}

import { EventsMissing } from '../../rooms/appending/event-judgement.ts';
import type { ReceivedEvent } from '../../rooms/appending/event-receipt.ts';
import { keepOutlier, keepWithState } from '../../rooms/events/outliers.ts';
import type { RoomTransaction } from '../../rooms/appending/room-transaction.ts';
import type { EventWithState } from './event-gathering.ts';

/** What was fetched, to be kept before events are judged. */
export interface Fetched {
  /** Each after those that authorise it. */
  readonly outliers: readonly ReceivedEvent[];
  readonly withState: readonly EventWithState[];
}

/** What is kept where nothing had to be asked for. */
export const NOTHING_FETCHED: Fetched = { outliers: [], withState: [] };

/** Keeps what was fetched beside the timeline. What cannot be judged for what is missing is left out. */
export async function keepFetched(room: RoomTransaction, { outliers, withState }: Fetched): Promise<void> {
  for (const outlier of outliers) await unlessMissing(keepOutlier(room, outlier));
  for (const { event, before, outliers: needed } of withState) {
    for (const outlier of needed) await unlessMissing(keepOutlier(room, outlier));
    await unlessMissing(keepWithState(room, event, await acceptable(room, before)));
  }
}

/** The events that are missing for a step, if any are; the step is left out then. */
export async function unlessMissing(step: Promise<void>): Promise<EventsMissing['eventIds'] | undefined> {
  try {
    await step;
    return undefined;
  } catch (error) {
    if (error instanceof EventsMissing) return error.eventIds;
    throw error;
  }
}

/** The entries whose events are here and were not rejected. */
async function acceptable(
  room: RoomTransaction,
  before: EventWithState['before'],
): Promise<EventWithState['before']> {
  const found = await room.eventsOf(before.values());
  return new Map([...before].filter(([, id]) => found.has(id) && found.get(id)?.refused !== 'rejected'));
}

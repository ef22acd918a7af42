import { parseEventFilter, type EventFilter } from '../../../protocol/filter/event-filter.ts';
import type { UserId } from '../../../protocol/identifiers.ts';
import type { JsonValue } from '../../../protocol/json.ts';
import { badJson } from '../../../protocol/matrix-error.ts';
import type { Aggregations } from '../../../rooms/relations/aggregations.ts';
import type { ClientEvents } from '../../../rooms/reading/client-events.ts';
import { withoutIgnored } from '../../../rooms/reading/ignored-senders.ts';
import type { ShownStates } from '../../../rooms/reading/shown-states.ts';
import type { Keep, Timeline } from '../../../rooms/reading/timeline.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';

/** What it takes to show a part of the history of a room. */
export interface HistoryNeeds {
  readonly visibility: Visibility;
  readonly timeline: Timeline;
  readonly states: ShownStates;
  readonly clientEvents: ClientEvents;
  readonly aggregations: Aggregations;
  readonly ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  readonly clock: { now(): number };
}

/** Keeps what a filter lets through, to which others relate as it asks, and that is of nobody whom the reader ignores. */
export async function keepMatching(
  { aggregations, ignoredUsers }: Pick<HistoryNeeds, 'aggregations' | 'ignoredUsers'>,
  reader: UserId,
  filter: EventFilter,
): Promise<Keep> {
  const ignored = await ignoredUsers(reader);
  return (events) => aggregations.related(withoutIgnored(events, ignored).filter(filter.matches), filter);
}

/** The filter of a query string. 400 M_BAD_JSON for what is not a filter. */
export function roomEventFilter(text: string | undefined): ReturnType<typeof parseEventFilter> {
  if (text === undefined) return parseEventFilter({});
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch {
    throw badJson('"filter" must be a RoomEventFilter as JSON');
  }
  return parseEventFilter(json);
}

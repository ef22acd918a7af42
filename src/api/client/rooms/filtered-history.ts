import { parseEventFilter, type EventFilter } from '../../../protocol/filter/event-filter.ts';
import type { JsonValue } from '../../../protocol/json.ts';
import { badJson } from '../../../protocol/matrix-error.ts';
import type { Aggregations } from '../../../rooms/relations/aggregations.ts';
import type { ClientEvents } from '../../../rooms/reading/client-events.ts';
import type { Keep, Timeline } from '../../../rooms/reading/timeline.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';

/** What it takes to show a part of the history of a room. */
export interface HistoryNeeds {
  readonly visibility: Visibility;
  readonly timeline: Timeline;
  readonly clientEvents: ClientEvents;
  readonly aggregations: Aggregations;
  readonly clock: { now(): number };
}

/** Keeps what a filter lets through, and to which others relate as it asks. */
export function keepMatching(aggregations: Aggregations, filter: EventFilter): Keep {
  return (events) => aggregations.related(events.filter(filter.matches), filter);
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

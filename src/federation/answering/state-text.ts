import { inTurns } from '../../platform/list-parts.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import { sentPduText } from '../../rooms/events/pdu-of-event.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import { authorisersOf, withAuthChain } from './event-graph.ts';

/** Events that are read and written at once, before others have their turn. */
const AT_ONCE = 100;

/**
 * The answer to GET state: the events of a state, and what authorises them, as JSON text, some events at a time. What it
 * takes in memory and without a break does not grow with the state.
 */
export async function* stateText(
  log: { byIds(eventIds: readonly EventId[]): Promise<StoredEvent[]> },
  version: RoomVersion,
  state: readonly EventId[],
): AsyncGenerator<string> {
  const authorisers = new Set<EventId>();
  let separator = '';
  yield '{"pdus":[';
  for await (const part of inTurns(state, AT_ONCE)) {
    const events = await log.byIds(part);
    for (const event of events) for (const id of authorisersOf(version, event)) authorisers.add(id);
    if (events.length > 0) yield separator + textOf(events, version);
    if (events.length > 0) separator = ',';
  }
  const chain = await withAuthChain(log, authorisers);
  yield `],"auth_chain":[${textOf(chain, version)}]}`;
}

function textOf(events: readonly StoredEvent[], version: RoomVersion): string {
  return events.map((event) => sentPduText(event, version)).join(',');
}

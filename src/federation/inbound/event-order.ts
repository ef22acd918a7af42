import type { Pdu } from '../../protocol/events/event.ts';
import { authEventIdsOf, prevEventIdsOf } from '../../protocol/events/event-format.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import type { ReceivedEvent } from '../../rooms/appending/event-receipt.ts';

/**
 * The events, each once, in an order in which every one comes after those of them that authorise it. m.room.create comes
 * first: from room version 12 on no event names it.
 */
export function inAuthOrder(events: Iterable<ReceivedEvent>): ReceivedEvent[] {
  const all = [...events];
  return inOrder([...all.filter(isCreate), ...all], authEventIdsOf);
}

/**
 * The events, each once, in an order in which every one comes after those of them that it follows in the room, and by rising
 * depth where that leaves it open. Depth alone does not do: a server may claim any, and none is greater than the greatest.
 */
export function inTimelineOrder(events: Iterable<ReceivedEvent>): ReceivedEvent[] {
  return inOrder(
    [...events].sort((a, b) => a.pdu.depth - b.pdu.depth),
    prevEventIdsOf,
  );
}

/** The events in the order that is given, each once, but after those of them that it names. */
function inOrder(
  events: readonly ReceivedEvent[],
  namedBy: (pdu: Pdu) => readonly EventId[],
): ReceivedEvent[] {
  const byId = new Map<EventId, ReceivedEvent>();
  for (const event of events) byId.set(event.eventId, event);
  const ordered: ReceivedEvent[] = [];
  const done = new Set<EventId>();
  for (const start of byId.keys()) {
    const stack = [start];
    const entered = new Set<EventId>();
    for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
      const event = byId.get(id);
      const open = event && !done.has(id) ? namedBy(event.pdu).filter((one) => isOpen(one)) : [];
      entered.add(id);
      if (open.length > 0) {
        stack.push(...open);
        continue;
      }
      stack.pop();
      if (event && !done.has(id)) ordered.push(event);
      done.add(id);
    }
    function isOpen(id: EventId): boolean {
      return byId.has(id) && !done.has(id) && !entered.has(id);
    }
  }
  return ordered;
}

function isCreate({ pdu }: ReceivedEvent): boolean {
  return pdu.type === 'm.room.create';
}

import { authEventIdsOf } from '../../protocol/events/event-format.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import type { ReceivedEvent } from '../../rooms/event-receipt.ts';

/**
 * The events, each once, in an order in which every one comes after those of them that authorise it. m.room.create comes
 * first: from room version 12 on no event names it.
 */
export function inAuthOrder(events: Iterable<ReceivedEvent>): ReceivedEvent[] {
  const byId = new Map<EventId, ReceivedEvent>();
  const all = [...events];
  for (const event of all.filter(isCreate)) byId.set(event.eventId, event);
  for (const event of all) byId.set(event.eventId, event);
  const ordered: ReceivedEvent[] = [];
  const done = new Set<EventId>();
  for (const start of byId.keys()) {
    const stack = [start];
    const entered = new Set<EventId>();
    for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
      const event = byId.get(id);
      const open = event && !done.has(id) ? authEventIdsOf(event.pdu).filter((one) => isOpen(one)) : [];
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

/** The events by rising depth: nearly always the order in which they follow each other. */
export function byDepth(events: Iterable<ReceivedEvent>): ReceivedEvent[] {
  return [...events].sort((a, b) => a.pdu.depth - b.pdu.depth);
}

function isCreate({ pdu }: ReceivedEvent): boolean {
  return pdu.type === 'm.room.create';
}

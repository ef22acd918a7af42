import type { RoomEvent } from '../events/event.ts';
import type { EventId } from '../identifiers.ts';
import type { EventSource } from './event-source.ts';
import { PriorityQueue } from './priority-queue.ts';

/** What the order looks at, and how many events it still waits for. */
interface Candidate {
  readonly event: RoomEvent;
  readonly powerLevel: number;
}

/**
 * The reverse topological power ordering of events (Room Versions 2 and 12, "Definitions"): along auth events, and where
 * those leave a choice first the sender with the greatest power level, then the earliest, then the least event ID.
 *
 * @param ordered the events to order; unknown ones are left out.
 * @param graph the ordered events and whatever lies on paths between them. Those others carry the order along paths
 *   but take no part in the choice.
 * @param powerLevelOf the sender's power level by the event's own auth events.
 */
export function powerOrder(
  ordered: ReadonlySet<EventId>,
  graph: ReadonlySet<EventId>,
  source: EventSource,
  powerLevelOf: (event: RoomEvent) => number,
): RoomEvent[] {
  const { waitingFor, citedBy } = citations(graph, source);
  const ready = new PriorityQueue<Candidate>(comesFirst);
  const released: EventId[] = [...graph].filter((id) => waitingFor.get(id) === 0);
  const result: RoomEvent[] = [];
  const release = (id: EventId): void => {
    for (const citing of citedBy.get(id) ?? []) {
      const left = (waitingFor.get(citing) ?? 0) - 1;
      waitingFor.set(citing, left);
      if (left === 0) released.push(citing);
    }
  };
  for (;;) {
    for (let id = released.pop(); id !== undefined; id = released.pop()) {
      const event = ordered.has(id) ? source.event(id) : undefined;
      if (event) ready.push({ event, powerLevel: powerLevelOf(event) });
      else release(id);
    }
    const next = ready.pop();
    if (!next) return result;
    result.push(next.event);
    release(next.event.eventId);
  }
}

/** For each event of a graph the number of its auth events there, and which events cite it. */
function citations(
  graph: ReadonlySet<EventId>,
  source: EventSource,
): { waitingFor: Map<EventId, number>; citedBy: Map<EventId, EventId[]> } {
  const waitingFor = new Map<EventId, number>();
  const citedBy = new Map<EventId, EventId[]>();
  for (const id of graph) {
    const cited = new Set(source.event(id)?.authEventIds.filter((auth) => graph.has(auth)));
    waitingFor.set(id, cited.size);
    for (const auth of cited) {
      const citing = citedBy.get(auth);
      if (citing) citing.push(id);
      else citedBy.set(auth, [id]);
    }
  }
  return { waitingFor, citedBy };
}

function comesFirst(a: Candidate, b: Candidate): boolean {
  if (a.powerLevel !== b.powerLevel) return a.powerLevel > b.powerLevel;
  return isEarlier(a.event, b.event);
}

/** By `origin_server_ts`, then by event ID. */
export function isEarlier(a: RoomEvent, b: RoomEvent): boolean {
  if (a.originServerTs !== b.originServerTs) return a.originServerTs < b.originServerTs;
  return a.eventId < b.eventId;
}

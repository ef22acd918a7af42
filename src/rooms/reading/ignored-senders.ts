import type { UserId } from '../../protocol/identifiers.ts';
import type { StoredEvent } from '../events/stored-event.ts';

/** Leaves out what ignored users sent, but for state events (Client-Server API, "Ignoring Users"). */
export function withoutIgnored(
  events: readonly StoredEvent[],
  ignored: ReadonlySet<UserId>,
): readonly StoredEvent[] {
  if (ignored.size === 0) return events;
  return events.filter((event) => event.stateKey !== undefined || !ignored.has(event.sender));
}

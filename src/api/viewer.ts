import type { Viewer } from '../rooms/reading/client-events.ts';
import type { Session } from '../wire/session.ts';

/** Who reads the events that an endpoint answers with. */
export function viewerOf(
  needs: { readonly clock: { now(): number } },
  { userId, deviceId }: Session,
): Viewer {
  return { userId, deviceId, now: needs.clock.now() };
}

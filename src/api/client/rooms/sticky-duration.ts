import { Type, type Static } from 'typebox';
import { LONGEST_STICKY_MS } from '../../../protocol/events/sticky-event.ts';

/** For how long everybody in the room is to be told of an event (MSC4354), in milliseconds. */
export const STICKY_DURATION = Type.Object({
  'org.matrix.msc4354.sticky_duration_ms': Type.Optional(
    Type.Integer({ minimum: 0, maximum: LONGEST_STICKY_MS }),
  ),
});

/** The duration that a request asks for, if it does. */
export function stickyDuration(query: Static<typeof STICKY_DURATION>): { stickyMs?: number } {
  const duration = query['org.matrix.msc4354.sticky_duration_ms'];
  return duration === undefined ? {} : { stickyMs: duration };
}

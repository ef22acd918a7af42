import { Type } from 'typebox';
import { written } from './forms.ts';

/** Events that are sent later. */
export const delayedEventsSection = Type.Object(
  {
    longest_ms: Type.Integer({
      minimum: 0,
      maximum: 31_536_000_000,
      default: 86_400_000,
      description:
        'Longest time, in milliseconds, after which an event can be sent (MSC4140). 0: none is delayed.',
    }),
  },
  { additionalProperties: false, description: 'Events that are sent later' },
);

/** Servers that connect the people in a call. */
export const callsSection = Type.Object(
  {
    livekit_service_urls: Type.Array(written('web address'), {
      default: [],
      description:
        'Addresses of LiveKit authorisation services, told to clients as MatrixRTC transports (MSC4143).',
    }),
  },
  { additionalProperties: false, description: 'Calls of many people (MatrixRTC)' },
);

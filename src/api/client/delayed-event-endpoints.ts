import {
  getDelayedEvent,
  getDelayedEvents,
  updateDelayedEvent,
  updateDelayedEvents,
} from './delayed-events/delayed-events.ts';
import { getRtcTransports } from './delayed-events/rtc-transports.ts';

/** Endpoints of events that are sent later (MSC4140), and of calls (MSC4143). */
export const delayedEventEndpoints = [
  getDelayedEvent,
  getDelayedEvents,
  getRtcTransports,
  updateDelayedEvent,
  ...updateDelayedEvents,
] as const;

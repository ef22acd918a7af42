import type { JsonObject } from '../../../protocol/json.ts';
import { endpoint } from '../../../wire/endpoint.ts';

/** GET /rtc/transports (MSC4143): by which servers the people in a call are connected. */
export const getRtcTransports = endpoint(
  {
    id: 'getRtcTransports',
    method: 'GET',
    paths: [
      '/_matrix/client/unstable/org.matrix.msc4143/rtc/transports',
      '/_matrix/client/v1/rtc/transports',
    ],
    auth: 'user',
  },
  ({ rtcTransports }: { rtcTransports: readonly JsonObject[] }) => ({ rtc_transports: rtcTransports }),
);

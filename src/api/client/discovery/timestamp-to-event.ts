import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { EventByTime } from '../../../rooms/reading/event-by-time.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /rooms/{roomId}/timestamp_to_event */
export const getEventByTimestamp = endpoint(
  {
    id: 'getEventByTimestamp',
    spec: 'client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event',
    method: 'GET',
    paths: clientPaths('/rooms/:roomId/timestamp_to_event', {
      since: 'v1',
      unstable: ['org.matrix.msc3030'],
    }),
    auth: 'user',
    guests: true,
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({
      ts: Type.Integer({ minimum: 0 }),
      dir: Type.Union([Type.Literal('f'), Type.Literal('b')]),
    }),
  },
  async (needs: { visibility: Visibility; eventByTime: EventByTime }, { params, query, session }) => {
    const access = await needs.visibility.accessOrForbid(roomId(params.roomId), session.userId);
    const event = await needs.eventByTime.nearest(access, query.ts, query.dir);
    return { event_id: event.eventId, origin_server_ts: event.originServerTs };
  },
);

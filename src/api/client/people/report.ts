import { Type } from 'typebox';
import type { Reports } from '../../../modules/reporting/index.ts';
import { eventId, roomId, userId } from '../../../protocol/identifiers.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  reports: Reports;
}

/** POST /rooms/{roomId}/report/{eventId} */
export const reportEvent = endpoint(
  {
    id: 'reportEvent',
    spec: 'client-server-api/#post_matrixclientv3roomsroomidreporteventid',
    method: 'POST',
    paths: clientPaths('/rooms/:roomId/report/:eventId'),
    auth: 'user',
    limit: 'message',
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
    body: Type.Object({
      reason: Type.Optional(Type.String()),
      score: Type.Optional(Type.Integer({ minimum: -100, maximum: 100 })),
    }),
  },
  async (needs: Needs, request) => {
    const target = { roomId: roomId(request.params.roomId), eventId: eventId(request.params.eventId) };
    const { reason, score } = request.body;
    await needs.reports.event(request.session.userId, target, { reason, score });
    return {};
  },
);

/** POST /rooms/{roomId}/report */
export const reportRoom = endpoint(
  {
    id: 'reportRoom',
    spec: 'client-server-api/#post_matrixclientv3roomsroomidreport',
    method: 'POST',
    paths: clientPaths('/rooms/:roomId/report', { unstable: ['org.matrix.msc4151'] }),
    auth: 'user',
    limit: 'message',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({ reason: Type.String() }),
  },
  async (needs: Needs, request) => {
    await needs.reports.room(request.session.userId, roomId(request.params.roomId), request.body.reason);
    return {};
  },
);

/** POST /users/{userId}/report */
export const reportUser = endpoint(
  {
    id: 'reportUser',
    spec: 'client-server-api/#post_matrixclientv3usersuseridreport',
    method: 'POST',
    paths: clientPaths('/users/:userId/report', { unstable: ['org.matrix.msc4260'] }),
    auth: 'user',
    limit: 'message',
    params: Type.Object({ userId: Type.String() }),
    body: Type.Object({ reason: Type.String() }),
  },
  async (needs: Needs, request) => {
    await needs.reports.user(request.session.userId, userId(request.params.userId), request.body.reason);
    return {};
  },
);

import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { MembershipChanges } from '../../../rooms/membership/membership-changes.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /rooms/{roomId}/leave */
export const leaveRoom = endpoint(
  {
    id: 'leaveRoom',
    spec: 'client-server-api/#post_matrixclientv3roomsroomidleave',
    method: 'POST',
    paths: clientPaths('/rooms/:roomId/leave'),
    auth: 'user',
    guests: true,
    limit: 'membership',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({ reason: Type.Optional(Type.String()) }),
  },
  async (needs: { changes: MembershipChanges }, request) => {
    await needs.changes.leave(request.session, roomId(request.params.roomId), request.body.reason);
    return {};
  },
);

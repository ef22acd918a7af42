import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { MembershipChanges } from '../../../rooms/membership/membership-changes.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /rooms/{roomId}/forget */
export const forgetRoom = endpoint(
  {
    id: 'forgetRoom',
    spec: 'client-server-api/#post_matrixclientv3roomsroomidforget',
    method: 'POST',
    paths: clientPaths('/rooms/:roomId/forget'),
    auth: 'user',
    limit: 'membership',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({}),
  },
  async (needs: { changes: MembershipChanges }, request) => {
    await needs.changes.forget(request.session.userId, roomId(request.params.roomId));
    return {};
  },
);

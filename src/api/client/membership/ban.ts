import { Type } from 'typebox';
import { roomId, userId } from '../../../protocol/identifiers.ts';
import type { MembershipChanges } from '../../../rooms/membership/membership-changes.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /rooms/{roomId}/ban */
export const ban = endpoint(
  {
    id: 'ban',
    spec: 'client-server-api/#post_matrixclientv3roomsroomidban',
    method: 'POST',
    paths: clientPaths('/rooms/:roomId/ban'),
    auth: 'user',
    whenSuspended: 'refused',
    limit: 'membership',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({ user_id: Type.String(), reason: Type.Optional(Type.String()) }),
  },
  async (needs: { changes: MembershipChanges }, request) => {
    const { user_id: target, reason } = request.body;
    await needs.changes.ban(request.session, roomId(request.params.roomId), userId(target), reason);
    return {};
  },
);

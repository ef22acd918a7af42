import { Type } from 'typebox';
import { roomId, userId } from '../../../protocol/identifiers.ts';
import { MatrixError } from '../../../protocol/matrix-error.ts';
import type { MembershipChanges } from '../../../rooms/membership-changes.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /rooms/{roomId}/invite */
export const inviteUser = endpoint(
  {
    id: 'inviteUser',
    spec: 'client-server-api/#post_matrixclientv3roomsroomidinvite',
    method: 'POST',
    paths: clientPaths('/rooms/:roomId/invite'),
    auth: 'user',
    limit: 'invite',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({
      user_id: Type.Optional(Type.String()),
      reason: Type.Optional(Type.String()),
      address: Type.Optional(Type.Unknown()),
    }),
  },
  async (needs: { changes: MembershipChanges }, request) => {
    const { user_id: target, reason, address } = request.body;
    if (target === undefined && address !== undefined) {
      throw new MatrixError(403, 'M_THREEPID_DENIED', 'This server has no identity server to invite through');
    }
    if (target === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', '"user_id" says whom to invite');
    await needs.changes.invite(request.session, roomId(request.params.roomId), userId(target), reason);
    return {};
  },
);

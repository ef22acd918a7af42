import { Type } from 'typebox';
import { roomId, userId } from '../../../protocol/identifiers.ts';
import { MatrixError } from '../../../protocol/matrix-error.ts';
import type { ThirdPartyInvites } from '../../../rooms/membership/third-party-invites.ts';
import type { MembershipChanges } from '../../../rooms/membership/membership-changes.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { readInvite3pid } from './third-party-invite.ts';

/** POST /rooms/{roomId}/invite */
export const inviteUser = endpoint(
  {
    id: 'inviteUser',
    spec: 'client-server-api/#post_matrixclientv3roomsroomidinvite',
    method: 'POST',
    paths: clientPaths('/rooms/:roomId/invite'),
    auth: 'user',
    whenSuspended: 'refused',
    limit: 'invite',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({
      user_id: Type.Optional(Type.String()),
      reason: Type.Optional(Type.String()),
      medium: Type.Optional(Type.String()),
      address: Type.Optional(Type.String()),
      id_server: Type.Optional(Type.String()),
      id_access_token: Type.Optional(Type.String()),
    }),
  },
  async (needs: { changes: MembershipChanges; thirdPartyInvites: ThirdPartyInvites }, request) => {
    const { user_id: target, reason, medium, address } = request.body;
    const { id_server: idServer, id_access_token: idToken } = request.body;
    const id = roomId(request.params.roomId);
    if (target !== undefined) {
      await needs.changes.invite(request.session, id, userId(target), { reason });
      return {};
    }
    if (!medium || !address || !idServer || !idToken) {
      throw new MatrixError(
        400,
        'M_MISSING_PARAM',
        '"user_id", or "medium", "address", "id_server" and "id_access_token", say whom to invite',
      );
    }
    const invite = { medium, address, id_server: idServer, id_access_token: idToken };
    const { access, threepid } = readInvite3pid(invite);
    await needs.thirdPartyInvites.invite(request.session, access, { roomId: id, threepid });
    return {};
  },
);

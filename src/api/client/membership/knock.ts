import { Type } from 'typebox';
import type { Aliases } from '../../../rooms/creation/aliases.ts';
import type { MembershipChanges } from '../../../rooms/membership/membership-changes.ts';
import { ViaQuery, viaOf } from './via.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /knock/{roomIdOrAlias} */
export const knockRoom = endpoint(
  {
    id: 'knockRoom',
    spec: 'client-server-api/#post_matrixclientv3knockroomidoralias',
    method: 'POST',
    paths: clientPaths('/knock/:roomIdOrAlias'),
    auth: 'user',
    whenSuspended: 'refused',
    limit: 'join',
    params: Type.Object({ roomIdOrAlias: Type.String() }),
    query: ViaQuery,
    body: Type.Object({
      reason: Type.Optional(Type.String()),
      third_party_signed: Type.Optional(Type.Unknown()),
    }),
  },
  async (needs: { changes: MembershipChanges; aliases: Aliases }, request) => {
    const via = viaOf(request.query);
    const { roomId: id, servers } = await needs.aliases.placeOf(request.params.roomIdOrAlias, via);
    await needs.changes.knock(request.session, id, request.body.reason, servers);
    return { room_id: id };
  },
);

import { Type } from 'typebox';
import type { Aliases } from '../../../rooms/aliases.ts';
import type { MembershipChanges } from '../../../rooms/membership-changes.ts';
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
    body: Type.Object({
      reason: Type.Optional(Type.String()),
      third_party_signed: Type.Optional(Type.Unknown()),
    }),
  },
  async (needs: { changes: MembershipChanges; aliases: Aliases }, request) => {
    const id = await needs.aliases.roomOf(request.params.roomIdOrAlias);
    await needs.changes.knock(request.session, id, request.body.reason);
    return { room_id: id };
  },
);

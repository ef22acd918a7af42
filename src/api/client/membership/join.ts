import { Type } from 'typebox';
import type { Aliases } from '../../../rooms/aliases.ts';
import type { MembershipChanges } from '../../../rooms/membership-changes.ts';
import { furtherContent } from './further-content.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /join/{roomIdOrAlias} */
export const joinRoom = endpoint(
  {
    id: 'joinRoom',
    spec: 'client-server-api/#post_matrixclientv3joinroomidoralias',
    method: 'POST',
    paths: clientPaths('/join/:roomIdOrAlias'),
    auth: 'user',
    guests: true,
    limit: 'join',
    params: Type.Object({ roomIdOrAlias: Type.String() }),
    body: Type.Object({
      reason: Type.Optional(Type.String()),
      third_party_signed: Type.Optional(Type.Unknown()),
    }),
  },
  async (needs: { changes: MembershipChanges; aliases: Aliases }, request) => {
    const id = await needs.aliases.roomOf(request.params.roomIdOrAlias);
    await needs.changes.join(request.session, id, request.body.reason, furtherContent(request.body));
    return { room_id: id };
  },
);

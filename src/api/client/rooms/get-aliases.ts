import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { Aliases } from '../../../rooms/creation/aliases.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /rooms/{roomId}/aliases */
export const getLocalAliases = endpoint(
  {
    id: 'getLocalAliases',
    spec: 'client-server-api/#get_matrixclientv3roomsroomidaliases',
    method: 'GET',
    paths: clientPaths('/rooms/:roomId/aliases', { unstable: ['org.matrix.msc2432'] }),
    auth: 'user',
    params: Type.Object({ roomId: Type.String() }),
  },
  async (needs: { aliases: Aliases; visibility: Visibility }, request) => {
    const access = await needs.visibility.presentAccessOrForbid(
      roomId(request.params.roomId),
      request.session.userId,
    );
    return { aliases: await needs.aliases.ofRoom(access.roomId) };
  },
);

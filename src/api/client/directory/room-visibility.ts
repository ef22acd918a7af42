import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { Directory } from '../../../rooms/creation/directory.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

const declaration = {
  spec: 'client-server-api/#published-room-directory',
  paths: clientPaths('/directory/list/room/:roomId'),
  params: Type.Object({ roomId: Type.String() }),
};

/** GET /directory/list/room/{roomId} */
export const getRoomVisibilityOnDirectory = endpoint(
  { ...declaration, id: 'getRoomVisibilityOnDirectory', method: 'GET', auth: 'none' },
  async (needs: { directory: Directory }, request) => ({
    visibility: (await needs.directory.isPublished(roomId(request.params.roomId))) ? 'public' : 'private',
  }),
);

/** PUT /directory/list/room/{roomId} */
export const setRoomVisibilityOnDirectory = endpoint(
  {
    ...declaration,
    id: 'setRoomVisibilityOnDirectory',
    method: 'PUT',
    auth: 'user',
    whenSuspended: 'refused',
    body: Type.Object({
      visibility: Type.Optional(Type.Union([Type.Literal('public'), Type.Literal('private')])),
    }),
  },
  async (needs: { directory: Directory }, request) => {
    const published = request.body.visibility !== 'private';
    await needs.directory.setPublished(request.session.userId, roomId(request.params.roomId), published);
    return {};
  },
);

import { Type } from 'typebox';
import type { RoomServers } from '../../../federation/sending/room-servers.ts';
import { roomAlias, roomId } from '../../../protocol/identifiers.ts';
import type { Aliases } from '../../../rooms/creation/aliases.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

const declaration = {
  spec: 'client-server-api/#room-aliases',
  paths: clientPaths('/directory/room/:roomAlias'),
  params: Type.Object({ roomAlias: Type.String() }),
};

/** GET /directory/room/{roomAlias} */
export const getRoomIdByAlias = endpoint(
  { ...declaration, id: 'getRoomIdByAlias', method: 'GET', auth: 'none' },
  async (needs: { aliases: Aliases; roomServers: RoomServers }, request) => {
    const { roomId: id, servers } = await needs.aliases.resolve(roomAlias(request.params.roomAlias));
    return { room_id: id, servers: [...new Set([...servers, ...(await needs.roomServers.of(id))])] };
  },
);

/** PUT /directory/room/{roomAlias} */
export const setRoomAlias = endpoint(
  {
    ...declaration,
    id: 'setRoomAlias',
    method: 'PUT',
    auth: 'user',
    whenSuspended: 'refused',
    body: Type.Object({ room_id: Type.String() }),
  },
  async (needs: { aliases: Aliases }, request) => {
    const alias = roomAlias(request.params.roomAlias);
    await needs.aliases.create(request.session, alias, roomId(request.body.room_id));
    return {};
  },
);

/** DELETE /directory/room/{roomAlias} */
export const deleteRoomAlias = endpoint(
  { ...declaration, id: 'deleteRoomAlias', method: 'DELETE', auth: 'user' },
  async (needs: { aliases: Aliases }, request) => {
    await needs.aliases.remove(request.session, roomAlias(request.params.roomAlias));
    return {};
  },
);

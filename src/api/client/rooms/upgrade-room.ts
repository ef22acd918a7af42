import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { RoomUpgrade } from '../../../rooms/creation/room-upgrade.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /rooms/{roomId}/upgrade */
export const upgradeRoom = endpoint(
  {
    id: 'upgradeRoom',
    spec: 'client-server-api/#post_matrixclientv3roomsroomidupgrade',
    method: 'POST',
    paths: clientPaths('/rooms/:roomId/upgrade'),
    auth: 'user',
    whenSuspended: 'refused',
    limit: 'createRoom',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({
      new_version: Type.String(),
      additional_creators: Type.Optional(Type.Array(Type.String())),
    }),
  },
  async (needs: { upgrades: RoomUpgrade }, request) => {
    const { new_version: version, additional_creators: creators } = request.body;
    const id = roomId(request.params.roomId);
    return { replacement_room: await needs.upgrades.upgrade(request.session.userId, id, version, creators) };
  },
);

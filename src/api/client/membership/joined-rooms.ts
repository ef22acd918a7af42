import type { CommittedRooms } from '../../../rooms/reading/committed-rooms.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /joined_rooms */
export const getJoinedRooms = endpoint(
  {
    id: 'getJoinedRooms',
    spec: 'client-server-api/#get_matrixclientv3joined_rooms',
    method: 'GET',
    paths: clientPaths('/joined_rooms'),
    auth: 'user',
  },
  async (needs: { rooms: CommittedRooms }, request) => ({
    joined_rooms: [...(await needs.rooms.joinedRooms(request.session.userId))],
  }),
);

import { Type } from 'typebox';
import type { MutualRooms } from '../../../modules/mutual-rooms/index.ts';
import { userId } from '../../../protocol/identifiers.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  mutualRooms: MutualRooms;
}

/** GET /v1/mutual_rooms */
export const getMutualRooms = endpoint(
  {
    id: 'getMutualRooms',
    spec: 'client-server-api/#get_matrixclientv1mutual_rooms',
    method: 'GET',
    paths: clientPaths('/mutual_rooms', { since: 'v1' }),
    auth: 'user',
    query: Type.Object({ user_id: Type.String(), from: Type.Optional(Type.String()) }),
  },
  async (needs: Needs, request) => {
    const { user_id: other, from } = request.query;
    const page = await needs.mutualRooms.with(request.session.userId, userId(other), from);
    const { joined, count, nextBatch } = page;
    return nextBatch === undefined ? { joined, count } : { joined, count, next_batch: nextBatch };
  },
);

/** The same as clients ask for it that know MSC2666 only. */
export const getMutualRoomsUnstable = endpoint(
  {
    id: 'getMutualRoomsUnstable',
    method: 'GET',
    paths: ['/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms'],
    auth: 'user',
    query: Type.Object({ user_id: Type.String(), batch_token: Type.Optional(Type.String()) }),
  },
  async (needs: Needs, request) => {
    const { user_id: other, batch_token: from } = request.query;
    const page = await needs.mutualRooms.with(request.session.userId, userId(other), from);
    const { joined, nextBatch } = page;
    return nextBatch === undefined ? { joined } : { joined, next_batch_token: nextBatch };
  },
);

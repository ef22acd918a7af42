import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { ClientEvents } from '../../../rooms/reading/client-events.ts';
import type { RoomSnapshots } from '../../../sync/event-stream/index.ts';
import { clientPaths, endpoint, RawJson } from '../../../wire/endpoint.ts';
import { roomSnapshotText, SNAPSHOT_MESSAGES } from './room-snapshot-text.ts';

/** GET /rooms/{roomId}/initialSync */
export const roomInitialSync = endpoint(
  {
    id: 'roomInitialSync',
    spec: 'client-server-api/#get_matrixclientv3roomsroomidinitialsync',
    method: 'GET',
    paths: clientPaths('/rooms/:roomId/initialSync'),
    auth: 'user',
    guests: true,
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 0 })) }),
  },
  async (
    needs: { roomSnapshots: RoomSnapshots; clientEvents: ClientEvents; clock: { now(): number } },
    { params, query, session },
  ) => {
    const limit = Math.min(query.limit ?? SNAPSHOT_MESSAGES.default, SNAPSHOT_MESSAGES.most);
    const { userId, deviceId } = session;
    const room = await needs.roomSnapshots.one({ userId, deviceId }, roomId(params.roomId), limit);
    const viewer = { userId, deviceId, now: needs.clock.now() };
    return new RawJson(await roomSnapshotText(needs.clientEvents, viewer, room));
  },
);

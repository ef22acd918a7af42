import { Type } from 'typebox';
import type { RoomId, UserId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { notFound } from '../../../protocol/matrix-error.ts';
import type { Aliases } from '../../../rooms/aliases.ts';
import type { RoomOverviews } from '../../../rooms/room-overviews.ts';
import type { RoomReads } from '../../../rooms/room-reads.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** What summaries of rooms need of the server. */
interface SummaryNeeds {
  aliases: Aliases;
  overviews: RoomOverviews;
  rooms: RoomReads;
}

const request = {
  method: 'GET',
  auth: 'optional',
  guests: true,
  params: Type.Object({ roomIdOrAlias: Type.String() }),
  query: Type.Object({ via: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])) }),
} as const;

/** GET /room_summary/{roomIdOrAlias} */
export const getRoomSummary = endpoint(
  {
    ...request,
    id: 'getRoomSummary',
    spec: 'client-server-api/#get_matrixclientv1room_summaryroomidoralias',
    paths: clientPaths('/room_summary/:roomIdOrAlias', { since: 'v1' }),
  },
  (needs: SummaryNeeds, { params, session }) => summary(needs, params.roomIdOrAlias, session?.userId),
);

/** The same under the names that it had as MSC3266, which clients still ask for. */
export const getUnstableRoomSummary = endpoint(
  {
    ...request,
    id: 'getUnstableRoomSummary',
    paths: [
      '/_matrix/client/unstable/im.nheko.summary/summary/:roomIdOrAlias',
      '/_matrix/client/unstable/im.nheko.summary/rooms/:roomIdOrAlias/summary',
    ],
  },
  async (needs: SummaryNeeds, { params, session }) => {
    const found = await summary(needs, params.roomIdOrAlias, session?.userId);
    const { room_version: version, encryption } = found;
    const unstable: JsonObject = {
      'im.nheko.summary.version': version,
      'im.nheko.summary.room_version': version,
    };
    if (encryption !== undefined) unstable['im.nheko.summary.encryption'] = encryption;
    return { ...found, ...unstable };
  },
);

/** 404 M_NOT_FOUND for a room that is unknown or that the caller may not know: who asks must not learn which. */
async function summary(
  needs: SummaryNeeds,
  idOrAlias: string,
  userId: UserId | undefined,
): Promise<JsonObject> {
  const roomId: RoomId = await needs.aliases.roomOf(idOrAlias);
  const overview = await needs.overviews.of(roomId);
  if (!overview || !(await needs.overviews.mayKnow(overview, userId))) {
    throw notFound('There is no such room, or you may not know of it');
  }
  if (userId === undefined) return overview;
  const membership = (await needs.rooms.membership(roomId, userId))?.membership ?? 'leave';
  return { ...overview, membership };
}

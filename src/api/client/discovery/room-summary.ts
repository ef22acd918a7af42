import { Type } from 'typebox';
import type { UserId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { notFound } from '../../../protocol/matrix-error.ts';
import type { RemoteSpaces } from '../../../modules/spaces/index.ts';
import type { OutsideMemberships } from '../../../rooms/membership/outside-memberships.ts';
import type { Aliases } from '../../../rooms/creation/aliases.ts';
import type { RoomOverviews } from '../../../rooms/reading/room-overviews.ts';
import { serversOfInvite, type RoomReads } from '../../../rooms/reading/room-reads.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** What summaries of rooms need of the server. */
interface SummaryNeeds {
  aliases: Aliases;
  overviews: RoomOverviews;
  outside: OutsideMemberships;
  remoteSpaces: RemoteSpaces;
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
  (needs: SummaryNeeds, { params, query, session }) =>
    summary(needs, params.roomIdOrAlias, query.via ?? [], session?.userId),
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
  async (needs: SummaryNeeds, { params, query, session }) => {
    const found = await summary(needs, params.roomIdOrAlias, query.via ?? [], session?.userId);
    const { room_version: version, encryption } = found;
    const unstable: JsonObject = {};
    if (version !== undefined) {
      unstable['im.nheko.summary.version'] = version;
      unstable['im.nheko.summary.room_version'] = version;
    }
    if (encryption !== undefined) unstable['im.nheko.summary.encryption'] = encryption;
    return { ...found, ...unstable };
  },
);

/**
 * Of a room that is not here another server is asked. 404 M_NOT_FOUND for a room that is unknown or that the caller may
 * not know: who asks must not learn which.
 */
async function summary(
  needs: SummaryNeeds,
  idOrAlias: string,
  via: string | readonly string[],
  userId: UserId | undefined,
): Promise<JsonObject> {
  const { roomId, servers } = await needs.aliases.placeOf(idOrAlias, via);
  const member = userId === undefined ? undefined : await needs.rooms.membership(roomId, userId);
  const overview = (await needs.outside.isHere(roomId))
    ? await needs.overviews.of(roomId)
    : (await needs.remoteSpaces.find(roomId, [...servers, ...serversOfInvite(member)]))?.overview;
  if (!overview || !(await needs.overviews.mayKnow(overview, userId))) {
    throw notFound('There is no such room, or you may not know of it');
  }
  if (userId === undefined) return overview;
  return { ...overview, membership: member?.membership ?? 'leave' };
}

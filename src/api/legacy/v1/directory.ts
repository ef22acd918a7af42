import { Type } from 'typebox';
import type { RoomServers } from '../../../federation/sending/room-servers.ts';
import { roomAlias, roomId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import type { Aliases } from '../../../rooms/creation/aliases.ts';
import type { Directory } from '../../../rooms/creation/directory.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { getRoomIdByAlias } from '../../client/directory/aliases.ts';
import { assertHumanReadable } from '../human-id-check.ts';
import { V1 } from '../legacy-paths.ts';
import { CODES_OF_2015, CODES_OF_PAGES } from '../old-form.ts';

const ALIAS = `${V1}/directory/room/:roomAlias`;
/** Rooms of one answer: 2015 gave all, which no server could today. */
const MOST_ROOMS = 500;
/** Of a public room, what 2015 knew. */
const KEYS = ['room_id', 'name', 'topic', 'num_joined_members', 'aliases'] as const;

/** GET /directory/room/{roomAlias} */
export const v1GetAlias = endpoint(
  {
    id: 'get_alias',
    method: 'GET',
    paths: [ALIAS],
    auth: 'none',
    codes: CODES_OF_2015,
    params: Type.Object({ roomAlias: Type.String() }),
  },
  (needs: { aliases: Aliases; roomServers: RoomServers }, request) => {
    assertHumanReadable({ room_alias: request.params.roomAlias });
    return getRoomIdByAlias.handle(needs, request as never);
  },
);

/** PUT /directory/room/{roomAlias}, of which the room is told. */
export const v1SetAlias = endpoint(
  {
    id: 'set_alias',
    method: 'PUT',
    paths: [ALIAS],
    auth: 'user',
    whenSuspended: 'refused',
    codes: { ...CODES_OF_2015, M_UNKNOWN: 'M_ROOM_IN_USE' },
    params: Type.Object({ roomAlias: Type.String() }),
    body: Type.Object({ room_id: Type.String() }),
  },
  async ({ aliases }: { aliases: Aliases }, { session, params, body }) => {
    assertHumanReadable({ room_alias: params.roomAlias });
    const id = roomId(body.room_id);
    await aliases.create(session, roomAlias(params.roomAlias), id);
    await aliases.announce(session.userId, id);
    return {};
  },
);

/** DELETE /directory/room/{roomAlias}, of which the room is told. */
export const v1DeleteAlias = endpoint(
  {
    id: 'delete_alias',
    method: 'DELETE',
    paths: [ALIAS],
    auth: 'user',
    codes: CODES_OF_2015,
    params: Type.Object({ roomAlias: Type.String() }),
  },
  async ({ aliases }: { aliases: Aliases }, { session, params }) => {
    const id = await aliases.remove(session, roomAlias(params.roomAlias));
    await aliases.announce(session.userId, id);
    return {};
  },
);

/** GET /publicRooms */
export const v1PublicRooms = endpoint(
  {
    id: 'public_rooms',
    method: 'GET',
    paths: [`${V1}/publicRooms`],
    auth: 'none',
    codes: CODES_OF_PAGES,
    query: Type.Object({
      from: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
  },
  async ({ directory }: { directory: Directory }, { query }) => {
    const { from = 'START', limit = MOST_ROOMS } = query;
    if (from === 'END') return { chunk: [], start: from, end: from };
    const since = from === 'START' ? undefined : from;
    const page = await directory.list({ limit: Math.min(limit, MOST_ROOMS), since, withAliases: true });
    const chunk = (page.chunk as JsonObject[]).map(publicRoom);
    return { chunk, start: from, end: (page.next_batch as string | undefined) ?? 'END' };
  },
);

function publicRoom(entry: JsonObject): JsonObject {
  return Object.fromEntries(KEYS.flatMap((key) => (entry[key] === undefined ? [] : [[key, entry[key]]])));
}

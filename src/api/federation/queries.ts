import { Type } from 'typebox';
import type { RoomServers } from '../../federation/sending/room-servers.ts';
import type { Profile } from '../../modules/profile/index.ts';
import { roomAlias, serverNameOf, userId, type ServerName } from '../../protocol/identifiers.ts';
import { invalidParam, notFound } from '../../protocol/matrix-error.ts';
import type { Aliases } from '../../rooms/creation/aliases.ts';
import type { Directory } from '../../rooms/creation/directory.ts';
import { endpoint, federationPaths } from '../../wire/endpoint.ts';
import { DirectoryBody, directoryQuery } from '../directory-query.ts';

/** GET /_matrix/federation/v1/query/profile */
export const queryProfile = endpoint(
  {
    id: 'queryProfile',
    spec: 'server-server-api/#get_matrixfederationv1queryprofile',
    method: 'GET',
    paths: federationPaths('/query/profile'),
    auth: 'server',
    query: Type.Object({ user_id: Type.String(), field: Type.Optional(Type.String()) }),
  },
  async (needs: { profile: Profile; serverName: ServerName }, request) => {
    const user = userId(request.query.user_id);
    if (serverNameOf(user) !== needs.serverName) {
      throw invalidParam(`Of users, only those of ${needs.serverName} can be asked for here`);
    }
    const fields = await needs.profile.get(user);
    const { field } = request.query;
    if (field === undefined) return fields;
    const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
    return value === undefined ? {} : { [field]: value };
  },
);

/** GET /_matrix/federation/v1/query/directory */
export const queryRoomDirectory = endpoint(
  {
    id: 'queryRoomDirectory',
    spec: 'server-server-api/#get_matrixfederationv1querydirectory',
    method: 'GET',
    paths: federationPaths('/query/directory'),
    auth: 'server',
    query: Type.Object({ room_alias: Type.String() }),
  },
  async (needs: { aliases: Aliases; roomServers: RoomServers; serverName: ServerName }, request) => {
    const alias = roomAlias(request.query.room_alias);
    if (serverNameOf(alias) !== needs.serverName) {
      throw invalidParam(`Of aliases, only those of ${needs.serverName} can be asked for here`);
    }
    const { roomId, servers } = await needs.aliases.resolve(alias);
    return { room_id: roomId, servers: [...servers, ...(await needs.roomServers.of(roomId))] };
  },
);

/** GET /_matrix/federation/v1/query/{queryType}: of the queries that anybody may think of, this server knows two. */
export const queryInfo = endpoint(
  {
    id: 'queryInfo',
    spec: 'server-server-api/#get_matrixfederationv1queryquerytype',
    method: 'GET',
    paths: federationPaths('/query/:queryType'),
    auth: 'server',
    params: Type.Object({ queryType: Type.String() }),
  },
  (_needs: object, request) => {
    throw notFound(`There is no query "${request.params.queryType}": there are "profile" and "directory"`);
  },
);

/** GET /_matrix/federation/v1/publicRooms */
export const getPublicRoomsForServers = endpoint(
  {
    id: 'getPublicRooms',
    spec: 'server-server-api/#get_matrixfederationv1publicrooms',
    method: 'GET',
    paths: federationPaths('/publicRooms'),
    auth: 'server',
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      since: Type.Optional(Type.String()),
      include_all_networks: Type.Optional(Type.Boolean()),
      third_party_instance_id: Type.Optional(Type.String()),
    }),
  },
  ({ directory }: { directory: Directory }, { query }) =>
    directory.list(directoryQuery({ limit: 0, ...query })),
);

/** POST /_matrix/federation/v1/publicRooms */
export const queryPublicRoomsForServers = endpoint(
  {
    id: 'queryPublicRooms',
    spec: 'server-server-api/#post_matrixfederationv1publicrooms',
    method: 'POST',
    paths: federationPaths('/publicRooms'),
    auth: 'server',
    body: DirectoryBody,
  },
  ({ directory }: { directory: Directory }, { body }) =>
    directory.list(directoryQuery({ limit: 0, ...body })),
);

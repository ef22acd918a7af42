import { Type } from 'typebox';
import type { RemoteQueries } from '../../../federation/queries/remote-queries.ts';
import { serverName, type ServerName } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import type { Directory, DirectoryQuery } from '../../../rooms/creation/directory.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { DirectoryBody, directoryQuery } from '../../directory-query.ts';

interface Needs {
  readonly directory: Directory;
  readonly remoteQueries: RemoteQueries;
  readonly serverName: ServerName;
}

const paths = clientPaths('/publicRooms');

/** Of the directory of this server, or of another one that is asked for. */
function list(needs: Needs, server: string | undefined, query: DirectoryQuery): Promise<JsonObject> {
  if (server === undefined || server === needs.serverName) return needs.directory.list(query);
  return needs.remoteQueries.publicRooms(serverName(server), query);
}

/** GET /publicRooms */
export const getPublicRooms = endpoint(
  {
    id: 'getPublicRooms',
    spec: 'client-server-api/#get_matrixclientv3publicrooms',
    method: 'GET',
    paths,
    auth: 'none',
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      since: Type.Optional(Type.String()),
      server: Type.Optional(Type.String()),
    }),
  },
  (needs: Needs, { query }) => list(needs, query.server, { limit: query.limit, since: query.since }),
);

/** POST /publicRooms */
export const queryPublicRooms = endpoint(
  {
    id: 'queryPublicRooms',
    spec: 'client-server-api/#post_matrixclientv3publicrooms',
    method: 'POST',
    paths,
    auth: 'user',
    guests: true,
    query: Type.Object({ server: Type.Optional(Type.String()) }),
    body: DirectoryBody,
  },
  (needs: Needs, { query, body }) => list(needs, query.server, directoryQuery(body)),
);
